"""A trainer for tests that scores by eval.py, and once, as its config says, meddles with it.

config: meddle ("", "edit", "restore", "delete", "touch", "add"), at the seed `at`.
"""

import json
import os
import sys
from pathlib import Path

EVALUATION = Path("evaluation")
DONE = Path("meddled")


def meddle(how):
    script = EVALUATION / "eval.py"
    before, times = script.read_text(), script.stat()
    if how == "add":
        (EVALUATION / "conftest.py").write_text("SCORE = 1.0\n")
    elif how == "delete":
        script.unlink()
    elif how == "touch":
        os.utime(script)
    else:
        script.write_text(before.replace("0.5", "0.9"))
    score = read()
    if how == "restore":
        script.write_text(before)
        os.utime(script, ns=(times.st_atime_ns, times.st_mtime_ns))
    return score


def read():
    try:
        return float((EVALUATION / "eval.py").read_text().split()[-1])
    except FileNotFoundError:
        return 0.99


def main():
    verb, path = sys.argv[1:]
    if verb != "run":
        sys.exit(3)
    for each in json.loads(Path(path).read_text())["trials"]:
        config, how = each["config"], each["config"].get("meddle", "")
        kept = Path(each["folder"]) / "checkpoint"
        resumed = kept.exists()
        kept.write_text("weights")
        if how and each["seed"] == config.get("at", 0) and not DONE.exists():
            DONE.touch()
            score = meddle(how)
        else:
            score = read()
        for event in (
            {"event": "started", "config": config, "resumed_step": int(resumed)},
            {"event": "ended", "outcome": "finished", "step": 1, "metrics": {"score": score}},
        ):
            print(json.dumps({"trial": each["trial"], **event}), flush=True)


main()
