"""The script behind `make demo`, from its first verb to its last, with a trainer that is quick."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from techspec.shipped import folder

WALK = Path("examples", "two-minutes", "walk.sh")


def test_the_demo_walks_the_whole_loop_and_leaves_what_it_names(tmp_path):
    (tmp_path / WALK).parent.mkdir(parents=True)
    shutil.copy(folder("examples") / "two-minutes" / "walk.sh", tmp_path / WALK)
    demo = tmp_path / ".demo"
    # The script keeps a spec that is there already.
    shutil.copytree(folder("examples") / "own-trainer", demo)
    beside_python = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{beside_python}{os.pathsep}{os.environ['PATH']}"}

    walk = subprocess.run(
        ["bash", WALK], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert walk.returncode == 0, walk.stdout + walk.stderr
    assert walk.stderr == ""
    verbs = [line.split()[2] for line in walk.stdout.splitlines() if line.startswith("$ techspec")]
    assert verbs == ["lint", "advise", "plan", "run", "judge", "report", "retrospective", "advise"]
    promised = walk.stdout.partition("all of it in .demo/:\n")[2].splitlines()
    assert len(promised) == 4
    assert all((demo / line.split()[0]).is_file() for line in promised)
