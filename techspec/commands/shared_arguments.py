"""Arguments that several verbs take, so that each of them says the same."""

import argparse
from pathlib import Path


def add_spec(parser: argparse.ArgumentParser, what: str = "the spec") -> None:
    """The spec: TECHSPEC.md of this folder where none is named."""
    parser.add_argument(
        "spec",
        type=Path,
        nargs="?",
        default=Path("TECHSPEC.md"),
        help=f"{what}; default: TECHSPEC.md",
    )


def add_registry(parser: argparse.ArgumentParser, default: object = None) -> None:
    """Folders of skills, instead of those that the environment or the project names."""
    parser.add_argument(
        "--registry",
        type=Path,
        action="append",
        default=[] if default is None else default,
        metavar="DIR",
        help="folder of skills; may be repeated, the first one is written to; "
        "default: $TECHSPEC_REGISTRY, or the project's own",
    )
