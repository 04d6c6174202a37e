import json
import subprocess
import sys

HEAVY = ("torch", "scipy", "numpy", "matplotlib", "mcp", "pydantic")
PROGRAM = """
import json, sys
from techspec.cli import main
code = main(["lint", "TECHSPEC.md"])
sys.stderr.write(json.dumps([code, sorted(name for name in sys.modules if "." not in name)]))
"""


def test_lint_loads_no_framework_and_no_statistics(project):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=project, capture_output=True, text=True, check=True
    )

    code, loaded = json.loads(done.stderr)
    assert code == 0
    assert not set(HEAVY) & set(loaded)
