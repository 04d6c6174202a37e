"""A trainer for tests: each step takes a moment, is written down, and a restart goes on from it.

config: steps, seconds_a_step, fail ("", "nan", "refuse", "crash"), value.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

DEFAULTS = {"steps": 20, "seconds_a_step": 0.02, "fail": "", "value": 0.5, "deaf": False}


def say(**event):
    print(json.dumps(event), flush=True)


def train(trial, folder, seed, config):
    config = DEFAULTS | config
    kept = folder / "step"
    first = int(kept.read_text()) if kept.exists() else 0
    say(
        event="started",
        trial=trial,
        config=config | {"max_steps": config["steps"]},
        params=10,
        device="cpu",
        code="c",
        data="d",
        resumed_step=first,
    )
    (folder / "starts").open("a").write("x")
    if config["fail"] == "refuse":
        say(
            event="ended",
            trial=trial,
            outcome="refused",
            step=0,
            metrics={},
            reason="no such value",
        )
        return
    for step in range(first + 1, config["steps"] + 1):
        time.sleep(config["seconds_a_step"])
        say(
            event="eval",
            trial=trial,
            step=step,
            metrics={"score": config["value"] * step},
            seconds=step * config["seconds_a_step"],
        )
        (folder / "half").write_text(str(step))
        os.replace(folder / "half", kept)
        if config["fail"] == "crash" and step == 3:
            print("the dog ate the gradients", file=sys.stderr)
            os._exit(70)
        if config["fail"] == "nan" and step == 5:
            say(event="ended", trial=trial, outcome="diverged", step=step, metrics={}, reason="nan")
            return
    say(
        event="ended",
        trial=trial,
        outcome="finished",
        step=config["steps"],
        metrics={"score": config["value"] + seed / 100},
        seconds=config["steps"] * config["seconds_a_step"],
    )


def main():
    verb, path = sys.argv[1:]
    request = json.loads(Path(path).read_text())
    if verb == "cost":
        costs = [
            {
                "params": 10,
                "seconds": {"cpu": (DEFAULTS | c)["steps"] * (DEFAULTS | c)["seconds_a_step"]},
            }
            for c in request["configs"]
        ]
        known = {name: {"type": type(v).__name__, "default": v} for name, v in DEFAULTS.items()}
        print(
            json.dumps(
                {"trainer": {"name": "steady", "code": "c"}, "parameters": known, "costs": costs}
            )
        )
        return
    if any(each["config"].get("deaf") for each in request["trials"]):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for each in request["trials"]:
        train(each["trial"], Path(each["folder"]), each["seed"], each["config"])


main()
