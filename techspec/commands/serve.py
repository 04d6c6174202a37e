"""techspec serve: become the MCP server, over stdin and stdout, or over HTTP for a whole lab."""

import argparse
import os
import sys
from pathlib import Path

from techspec.commands.shared_arguments import add_registry

EXAMPLE = "techspec serve --http 127.0.0.1:8765 --project ."
AT_HOME = "127.0.0.1:8765"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What it serves, and to whom."""
    parser.add_argument(
        "--project",
        type=Path,
        help="specs and campaigns are looked for here; default: $TECHSPEC_PROJECT, "
        "$CLAUDE_PROJECT_DIR, or this folder",
    )
    add_registry(parser)
    parser.add_argument(
        "--http",
        metavar="HOST:PORT",
        nargs="?",
        const=AT_HOME,
        help=f"serve over HTTP, at {AT_HOME} if no address is given; an address that other "
        "machines can reach wants a token in $TECHSPEC_TOKEN",
    )
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="HOST",
        help="with --http: a name by which clients reach it, such as techspec.lab.example; "
        "may be repeated",
    )
    parser.add_argument(
        "--no-campaigns",
        action="store_true",
        help="leave out the tools that start and stop campaigns",
    )


def run(args: argparse.Namespace) -> int:
    """Replace this process by the server's; there is nothing to return to."""
    if args.project is not None:
        os.environ["TECHSPEC_PROJECT"] = str(args.project.resolve())
    if args.registry:
        from techspec.skill.places import REGISTRY

        os.environ[REGISTRY] = os.pathsep.join(str(path.resolve()) for path in args.registry)
    command = [sys.executable, "-P", "-m", "mcp_server"]
    if args.http is not None:
        command += ["--http", args.http]
    for name in args.name:
        command += ["--name", name]
    if args.no_campaigns:
        command.append("--no-campaigns")
    os.execv(sys.executable, command)
