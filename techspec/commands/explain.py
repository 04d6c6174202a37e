"""techspec explain: why a lint rule exists, when to break it, and an example of each side."""

import argparse
import json

from techspec.lint.pages import explain

EXAMPLE = "techspec explain TS201"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The rule's code."""
    parser.add_argument("code", help="the code of a rule, such as TS201")
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Print the rule's page."""
    page = explain(args.code).rstrip()
    print(json.dumps({"code": args.code.upper(), "page": page}) if args.json else page)
    return 0
