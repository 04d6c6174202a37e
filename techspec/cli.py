"""The `techspec` command: find the verb, let it read its arguments, turn our errors into exit 2."""

import argparse
import importlib
import json
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from techspec import __version__
from techspec.commands.show import plain
from techspec.errors import TechspecError

VERBS = {
    "init": "write a TECHSPEC.md to start from",
    "lint": "check a spec before any compute is spent",
    "advise": "say what is already known about a goal or a spec",
    "tried": "say whether anybody has tried something that failed, and why",
    "plan": "show the experiments that would settle a spec inside its budget",
    "calibrate": "rehearse a spec: how often its verdicts would be right, wrong or open",
    "run": "carry the plan out; a campaign that was interrupted goes on",
    "status": "say how far a campaign is",
    "stop": "put a campaign down; 'run' takes it up again",
    "judge": "say what became of each hypothesis",
    "report": "write the page, and the Results section of the spec",
    "retrospective": "save what was learned as a skill",
    "skills": "search, show, check, take in and lay out the skills of a registry",
    "serve": "serve all this to agents over MCP",
    "explain": "explain a lint rule",
    "doctor": "check this installation and the registry",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the exit code is 0 done, 1 the verb's own no, 2 change something first."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser, modules = _parser(words)
    args = parser.parse_args(words)
    if args.verb is None:
        parser.print_help()
        return 0
    try:
        return int(modules[args.verb].run(args))
    except TechspecError as error:
        if getattr(args, "json", False):
            print(json.dumps({"error": {"what": error.what, "fix": error.fix}}))
        print(plain(f"techspec {args.verb}: {error}"), file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _parser(words: Sequence[str]) -> tuple[argparse.ArgumentParser, dict[str, ModuleType]]:
    parser = argparse.ArgumentParser(
        prog="techspec",
        description="A spec in, verdicts out, and a memory that the next spec starts from.",
        epilog="example: techspec lint TECHSPEC.md",
    )
    parser.add_argument("--version", action="version", version=f"techspec {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    asked = next((word for word in words if not word.startswith("-")), None)
    modules = {}
    for verb, help_line in VERBS.items():
        below = verbs.add_parser(
            verb,
            help=help_line,
            description=help_line[0].upper() + help_line[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if verb == asked:  # only this one is imported, so that a quick verb starts quickly
            modules[verb] = importlib.import_module(f"techspec.commands.{verb}")
            modules[verb].arguments(below)
            below.epilog = f"example: {modules[verb].EXAMPLE}"
    return parser, modules
