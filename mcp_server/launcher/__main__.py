"""Without arguments it serves on stdin and stdout; `build server|trainer` installs, and shows how.

It is started by its path, in isolated mode: nothing in the user's folder takes the place of ours.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

if __name__ == "__main__":
    if sys.argv[1:2] == ["build"]:
        from mcp_server.launcher.building import command

        sys.exit(command(sys.argv[2:]))
    from mcp_server.launcher.relay import serve

    serve()
