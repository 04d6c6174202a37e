"""The three specs of the study that registry/addition-baseline reports on, word for word."""

from pathlib import Path

SCALING, PHASE_1, PHASE_2 = PATHS = tuple(
    Path(__file__).parent / f"{name}.md" for name in ("scaling", "phase1", "phase2")
)
