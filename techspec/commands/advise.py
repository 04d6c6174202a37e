"""techspec advise: say what is already known about a goal or a spec, with its sources."""

import argparse
import json
from pathlib import Path

from techspec.advice.advise import advise
from techspec.advice.model import Planned
from techspec.advice.text import text
from techspec.commands.shared_arguments import add_registry, registry_asked, said
from techspec.commands.show import as_json
from techspec.plan.build import build
from techspec.run.trainer_call import TrainerAnswer, TrainerNotFound, trainer_of
from techspec.skill.places import project_of
from techspec.skill.untrusted import NOTE
from techspec.spec.files import specs
from techspec.spec.model import Spec
from techspec.spec.reader import read_file

EXAMPLE = "techspec advise 'rope theta for short sequences' TECHSPEC.md --keywords RoPE,positional"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The goal in words, the spec, technical terms, and where to look."""
    parser.add_argument("goal", type=said, help="what you are about to do, in a sentence")
    parser.add_argument("spec", type=Path, nargs="?", help="the spec you work from")
    parser.add_argument(
        "--keywords",
        default="",
        metavar="A,B,…",
        help="5 to 10 technical terms: methods, libraries, error text, synonyms",
    )
    add_registry(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Exit 1 if nothing relevant is known."""
    spec = read_file(args.spec) if args.spec else None
    place = args.spec.resolve().parent if args.spec else Path.cwd()
    known = advise(
        args.goal,
        words(args.keywords),
        spec,
        registry_asked(place, args.registry),
        specs(project_of(place)),
        planned=planned(spec, place) if spec else None,
    )
    if args.json:
        print(json.dumps({"note": NOTE, **as_json(advice=known)}, default=str))
    else:
        print(text(known), end="")
    return 0 if known.sources or known.settled else 1


def planned(spec: Spec, place: Path) -> Planned | None:
    """The plan of a spec in the folder `place`; None where its trainer cannot be asked."""
    try:
        trainer = trainer_of(spec, place)
        return Planned(build(spec, trainer), trainer.facts())
    except (TrainerNotFound, TrainerAnswer):
        return None


def words(listed: str) -> list[str]:
    """A comma-separated list as its items."""
    return [word.strip() for word in listed.split(",") if word.strip()]
