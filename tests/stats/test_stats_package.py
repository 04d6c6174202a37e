import subprocess
import sys
from pathlib import Path

import techspec.stats

MODULES = sorted(path.stem for path in Path(techspec.stats.__path__[0]).glob("[a-z]*.py"))


def test_importing_every_module_loads_neither_scipy_nor_numpy():
    imports = "; ".join(f"import techspec.stats.{name}" for name in MODULES)
    asked = "[n for n in ('numpy', 'scipy') if n in sys.modules]"

    answer = subprocess.run(
        [sys.executable, "-c", f"import sys; {imports}; print({asked})"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    assert answer.stdout.strip() == "[]"
