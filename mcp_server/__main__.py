"""`python -m mcp_server` serves the project in its folder over stdin and stdout."""

from mcp_server.server import build

if __name__ == "__main__":
    build().run("stdio")
