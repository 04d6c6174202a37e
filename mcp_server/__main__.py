"""`python -m mcp_server` serves a project over stdin and stdout, or over HTTP to many."""

import argparse
import os
import sys

from mcp_server.project import project
from mcp_server.server import build
from techspec.errors import TechspecError


def main() -> int:
    """Serve until the client goes away, or the process is told to end."""
    parser = argparse.ArgumentParser(prog="python -m mcp_server", description=__doc__)
    parser.add_argument("--http", metavar="HOST:PORT", help="over HTTP at this address")
    parser.add_argument(
        "--name", action="append", default=[], help="a name of ours in Host headers"
    )
    parser.add_argument("--no-campaigns", action="store_true", help="start and stop none")
    args = parser.parse_args()
    server = build(campaigns=not args.no_campaigns)
    if args.http is None:
        server.run("stdio")
        return 0
    from mcp_server.http import serve
    from techspec.skill.places import REGISTRY

    try:
        # Others may ask: no folder above the project is taken for its registry.
        os.environ.setdefault(REGISTRY, str(project() / "registry"))
        serve(server, args.http, args.name)
    except TechspecError as error:
        sys.stderr.write(f"techspec serve: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
