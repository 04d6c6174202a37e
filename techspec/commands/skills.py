"""techspec skills: list, search, show and check the pages of a registry."""

import argparse
import json
import textwrap
from collections.abc import Callable
from pathlib import Path

from techspec.commands.advise import words
from techspec.commands.show import columns, count
from techspec.records import encode
from techspec.skill.index import Library, ask
from techspec.skill.page import Skill, visible
from techspec.skill.places import registry_for
from techspec.skill.registry import Registry, text_of
from techspec.skill.search import strength
from techspec.skill.verify import verify

EXAMPLE = "techspec skills search 'rope theta'"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which page or words."""
    parser.add_argument("action", choices=_ACTIONS, nargs="?", default="list")
    parser.add_argument("what", nargs="?", default="", help="a skill's name, or words to search")
    parser.add_argument("--keywords", default="", metavar="A,B,…", help="technical terms")
    parser.add_argument("--registry", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Exit 1 if nothing was found, or a page does not hold."""
    return _ACTIONS[args.action](args, registry_for(Path.cwd(), args.registry))


def _list(args: argparse.Namespace, registry: Registry) -> int:
    return _print_list(args, ask(registry, Library.pages))


def _search(args: argparse.Namespace, registry: Registry) -> int:
    keywords = words(args.keywords)

    def likely(library: Library) -> list[Skill]:
        hits = library.index().search(args.what, keywords).hits
        return [
            library.page(hit.key)
            for hit in hits
            if strength(hit.confidence, bool(keywords)) != "none"
        ]

    return _print_list(args, ask(registry, likely))


def _show(args: argparse.Namespace, registry: Registry) -> int:
    skill = registry.find(args.what)
    page = text_of(skill)
    print(json.dumps({"path": str(skill.path), "page": page}) if args.json else page.rstrip())
    return 0


def _lint(args: argparse.Namespace, registry: Registry) -> int:
    skills = [registry.find(args.what)] if args.what else registry.skills()
    found = [(skill, problem) for skill in skills for problem in skill.problems]
    if args.json:
        listed = [
            {"path": str(skill.path), "line": p.line, "message": p.what, "fix": p.fix}
            for skill, p in found
        ]
        print(json.dumps({"findings": listed}))
    for skill, problem in found if not args.json else ():
        print(f"{skill.path}:{problem.line}: {problem.what}\n  fix: {problem.fix}")
    if not found and not args.json:
        print(f"{count(len(skills), 'skill')}: nothing to complain about.")
    return 1 if found else 0


def _verify(args: argparse.Namespace, registry: Registry) -> int:
    skill = registry.find(args.what)
    mismatches = verify(skill.path.parent)
    if args.json:
        print(json.dumps({"path": str(skill.path), "mismatches": encode(mismatches)}))
    for mismatch in mismatches if not args.json else ():
        print(f"{skill.path}: {mismatch.where} says {mismatch.said}; {mismatch.found}")
    if not mismatches and not args.json:
        print(f"{skill.path}: every number follows from its evidence.")
    return 1 if mismatches else 0


def _print_list(args: argparse.Namespace, skills: list[Skill]) -> int:
    if args.json:
        listed = [
            {"name": s.name, "path": str(s.path), "description": s.description} for s in skills
        ]
        print(json.dumps({"skills": listed}))
    elif skills:
        rows = [[s.name, textwrap.shorten(visible(s.description), 90)] for s in skills]
        print(columns(rows, indent=""))
    else:
        print("No skill was found.")
    return 0 if skills else 1


_ACTIONS: dict[str, Callable[[argparse.Namespace, Registry], int]] = {
    "list": _list,
    "search": _search,
    "show": _show,
    "lint": _lint,
    "verify": _verify,
}
