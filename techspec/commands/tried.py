"""techspec tried: say whether anybody has tried something that failed, and why it did."""

import argparse
import json
from pathlib import Path

from techspec.commands.advise import words
from techspec.commands.shared_arguments import add_registry, registry_asked, said
from techspec.skill.page import visible
from techspec.skill.tried import tried
from techspec.skill.untrusted import NOTE

EXAMPLE = "techspec tried 'a tiny model of 77K parameters'"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The idea in words, technical terms, and where to look."""
    parser.add_argument("idea", type=said, help="what somebody may have tried")
    parser.add_argument("--keywords", default="", metavar="A,B,…", help="technical terms")
    add_registry(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Exit 1 if nobody wrote that they tried it."""
    found = tried(args.idea, registry_asked(Path.cwd(), args.registry), words(args.keywords))
    if args.json:
        listed = [
            {
                **dict(zip(("attempt", "why", "lesson"), each.said, strict=True)),
                "line": each.attempt.line,
                "skill": each.label,
                "path": visible(str(each.skill.path)),
                "strength": each.strength,
                "evidence": each.skill.evidence,
                "superseded_by": each.superseded_by,
            }
            for each in found
        ]
        print(json.dumps({"note": NOTE, "tried": listed}))
        return 0 if found else 1
    if found:
        print(NOTE)
    for each in found:
        attempt, why, lesson = each.said
        print(f"{visible(str(each.skill.path))}:{each.attempt.line}: {attempt}")
        later = f"; its page is superseded by {each.superseded_by}" if each.superseded_by else ""
        print(f"  {each.strength} match, {each.skill.evidence}{later}")
        print(f"  why: {why or 'not said'}")
        print(f"  lesson: {lesson or 'not said'}")
    if not found:
        print("No failed attempt like it is on record; 'techspec advise' searches what worked too.")
    return 0 if found else 1
