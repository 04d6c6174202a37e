"""techspec explain: why a lint rule exists, when to break it, and an example of each side."""

import argparse

from techspec.lint.pages import explain

EXAMPLE = "techspec explain TS201"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The rule's code."""
    parser.add_argument("code", help="the code of a rule, such as TS201")


def run(args: argparse.Namespace) -> int:
    """Print the rule's page."""
    print(explain(args.code).rstrip())
    return 0
