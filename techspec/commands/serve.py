"""techspec serve: become the MCP server, over stdin and stdout, or over HTTP for a whole lab."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from techspec.commands.shared_arguments import add_registry, folder
from techspec.errors import TechspecError
from techspec.skill.places import REGISTRY, registry_to_read, unreadable

EXAMPLE = "techspec serve --http 127.0.0.1:8765 --project ."
AT_HOME = "127.0.0.1:8765"


class NoProject(TechspecError):
    """A folder to be served that is none."""

    def __init__(self, path: Path, named_by: str, why: str) -> None:
        super().__init__(
            f"The project {str(path)!r} ({named_by}) cannot be served: {why}.",
            f"correct {named_by}: name the folder that holds the specs.",
        )


class NameWithoutHttp(TechspecError):
    """Names of the server where nobody calls it by one."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"--name {' '.join(names)} is for a server over HTTP, and --http is not there.",
            f"add --http HOST:PORT, such as --http {AT_HOME}, or leave --name out.",
        )


def arguments(parser: argparse.ArgumentParser) -> None:
    """What it serves, and to whom."""
    parser.add_argument(
        "--project",
        type=folder,
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
    """Replace this process by the server's; there is nothing to return to.

    Raises:
        NoProject, NameWithoutHttp, RegistryUnreadable: as their texts say.
    """
    project = args.project or Path()
    if why := unreadable(project):
        raise NoProject(project, "--project", why)
    if args.name and args.http is None:
        raise NameWithoutHttp(args.name)
    if args.registry or args.http is not None:
        registry_to_read(project, args.registry)
    if args.project is not None:
        os.environ["TECHSPEC_PROJECT"] = str(args.project.resolve())
    if args.registry:
        os.environ[REGISTRY] = os.pathsep.join(str(path.resolve()) for path in args.registry)
    command = [sys.executable, "-P", "-m", "mcp_server"]
    if args.http is not None:
        command += ["--http", args.http]
    for name in args.name:
        command += ["--name", name]
    if args.no_campaigns:
        command.append("--no-campaigns")
    if args.http is None and sys.stdin.isatty():
        print(
            f"techspec serves {project} to the agent that starts it; see docs/agents.md.",
            file=sys.stderr,
        )
    os.execv(sys.executable, command)
