"""The specs and tables of the study that registry/addition-baseline reports on, word for word."""

from pathlib import Path

_HERE = Path(__file__).parent

SCALING, PHASE_1, PHASE_2 = PATHS = tuple(
    _HERE / f"{name}.md" for name in ("scaling", "phase1", "phase2")
)
RESULTS = _HERE / "results.md"
"""Both tables of results, one run each."""
