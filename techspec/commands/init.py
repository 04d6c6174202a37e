"""techspec init: write a spec to start from. It never overwrites one."""

import argparse
from pathlib import Path

from techspec import durable
from techspec.commands.shared_arguments import add_spec
from techspec.errors import TechspecError
from techspec.render import render

EXAMPLE = "techspec init --title 'Does depth help on my task?'"


class SpecExists(TechspecError):
    """There is a file where the new spec would go."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is there already.", "edit it, or name another path.")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where it goes, and its title."""
    add_spec(parser, "where it is written")
    parser.add_argument("--title", default="", help="what the study is called")


def run(args: argparse.Namespace) -> int:
    """Exit 2 if the file is there already."""
    if args.spec.exists():
        raise SpecExists(args.spec)
    durable.write(args.spec, render("TECHSPEC.md.j2", title=args.title.strip()))
    print(f"Wrote {args.spec}: fill in what 'techspec lint {args.spec}' asks for.")
    return 0
