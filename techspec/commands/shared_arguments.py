"""Arguments that several verbs take, so that each of them says the same."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from techspec.commands.show import plain
from techspec.errors import TechspecError
from techspec.skill.places import missing_sources, registry_to_read
from techspec.skill.registry import Registry


class NotAPage(TechspecError):
    """An HTML page would replace a file that is none."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is there already and is no page.", "name another file.")


def replacing_a_page(path: Path) -> Path:
    """Where an HTML page is to be written.

    Raises:
        NotAPage: another file is there.
    """
    if path.is_file() and not path.read_bytes()[:15].lower().startswith(b"<!doctype html>"):
        raise NotAPage(path)
    return path


def add_spec(parser: argparse.ArgumentParser, what: str = "the spec") -> None:
    """The spec: TECHSPEC.md of this folder where none is named."""
    parser.add_argument(
        "spec",
        type=Path,
        nargs="?",
        default=Path("TECHSPEC.md"),
        help=f"{what}; default: TECHSPEC.md",
    )


def said(text: str) -> str:
    """An argument in words; of nothing nobody could say whether it is known."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty: is a variable not set?")
    return text


def folder(text: str) -> Path:
    """An argument that names a folder; an empty one is no name of this folder."""
    return Path(said(text))


def add_registry(parser: argparse.ArgumentParser, default: object = None) -> None:
    """Folders of skills, instead of those that the environment or the project names."""
    parser.add_argument(
        "--registry",
        type=folder,
        action="append",
        default=[] if default is None else default,
        metavar="DIR",
        help="folder of skills; may be repeated, the first one is written to; "
        "default: $TECHSPEC_REGISTRY, or the project's own",
    )


def registry_asked(place: Path, named: Sequence[Path]) -> Registry:
    """The registry that a question is put to; a source of it that is missing is told on stderr.

    Raises:
        RegistryUnreadable: a folder that was named is missing.
    """
    registry = registry_to_read(place, named)
    for what, fix in missing_sources(registry.folders[0]):
        print(plain(f"{what}\n  fix: {fix}"), file=sys.stderr)
    return registry
