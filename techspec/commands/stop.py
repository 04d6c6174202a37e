"""techspec stop: put a campaign down at the next checkpoint; nothing that was measured is lost."""

import argparse
import json

from techspec.commands.shared_arguments import add_spec
from techspec.ledger.folder import started
from techspec.run.opening import ask_to_stop

EXAMPLE = "techspec stop TECHSPEC.md"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The spec whose campaign to stop."""
    add_spec(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Exit 1 if no runner was at work."""
    folder = started(args.spec)
    asked = ask_to_stop(folder)
    if args.json:
        print(json.dumps({"campaign": folder.name, "asked": asked}))
    elif asked:
        print(f"Campaign {folder.name!r} ends its trials; 'techspec run {args.spec}' goes on.")
    else:
        print(f"No runner is at work on campaign {folder.name!r}.")
    return 0 if asked else 1
