"""Where the files that travel with techspec are: templates, registry, trainer, examples.

In a checkout they lie beside the package; in an installed wheel inside it, under `_shipped`.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The shipped folder `name`, one of templates, registry, trainer, examples.

    Raises:
        FileNotFoundError: this installation lacks it, which is a fault in its packaging.
    """
    for root in (_PACKAGE.parent, _PACKAGE / "_shipped"):
        if (root / name).is_dir() and (root / "templates" / "TECHSPEC.md.j2").exists():
            return root / name
    raise FileNotFoundError(f"this installation of techspec lacks its folder {name!r}")
