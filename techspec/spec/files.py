"""Which specs a project holds. A folder is walked a few levels down, past what is not its own."""

import os
from collections.abc import Iterator
from pathlib import Path

from techspec.errors import TechspecError
from techspec.spec.model import Spec
from techspec.spec.reader import read_file

_PASSED_OVER = {"node_modules", "__pycache__", "site-packages"}
_DEEPEST = 5


def paths(root: Path) -> Iterator[Path]:
    """Files called `TECHSPEC.md` or `TECHSPEC-….md` below `root`, in path order; links are not."""
    for folder, children, names in os.walk(root):
        depth = len(Path(folder).relative_to(root).parts)
        children[:] = sorted(
            child
            for child in children
            if depth < _DEEPEST and not child.startswith(".") and child not in _PASSED_OVER
        )
        for name in sorted(names):
            path = Path(folder) / name
            if name.startswith("TECHSPEC") and name.endswith(".md") and not path.is_symlink():
                yield path


def specs(root: Path) -> list[tuple[Path, Spec]]:
    """The specs below `root` that are text; the others are lint's affair, not the reader's."""
    found = []
    for path in paths(root):
        try:
            found.append((path, read_file(path)))
        except TechspecError:
            continue
    return found
