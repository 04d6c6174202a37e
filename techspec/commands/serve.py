"""techspec serve: become the MCP server. It speaks over stdin and stdout until they close."""

import argparse
import os
import sys
from pathlib import Path

EXAMPLE = "techspec serve --project ."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which project it serves."""
    parser.add_argument(
        "--project",
        type=Path,
        help="specs and campaigns are looked for here; default: $TECHSPEC_PROJECT, "
        "$CLAUDE_PROJECT_DIR, or this folder",
    )


def run(args: argparse.Namespace) -> int:
    """Replace this process by the server's; there is nothing to return to."""
    if args.project is not None:
        os.environ["TECHSPEC_PROJECT"] = str(args.project.resolve())
    os.execv(sys.executable, [sys.executable, "-P", "-m", "mcp_server"])
