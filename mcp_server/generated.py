"""The server and the Claude Code plugin in, every file made from them out.

These are the launcher's answers and lists of packages, and what other agents read. `python -m
mcp_server.generated` writes them; with `--check` it fails if one is stale.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcp_server.launcher.answers import LEGACY, MODERN, VERSION

HOME = Path(__file__).resolve().parents[1]
LAUNCHER = Path("mcp_server/launcher")
LISTS = ("tools/list", "prompts/list", "resources/templates/list")
OTHER_AGENTS = Path(".agents/skills")

_CLIENT = {"name": "generated", "version": "1"}
_STATELESS = {
    "_meta": {
        VERSION: MODERN,
        "io.modelcontextprotocol/clientInfo": _CLIENT,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}
_HANDSHAKE = {"protocolVersion": LEGACY[-1], "capabilities": {}, "clientInfo": _CLIENT}


def files() -> dict[Path, str]:
    """Every generated file with its text, by its path from the home of the project."""
    plugin = json.loads((HOME / ".claude-plugin" / "plugin.json").read_text())
    return {
        **dict(_answers("legacy", [("initialize", _HANDSHAKE), *((each, {}) for each in LISTS)])),
        **dict(
            _answers("modern", [(each, _STATELESS) for each in ("server/discover", *LISTS)]),
        ),
        **dict(_requirements()),
        Path("gemini-extension.json"): _json(_gemini(plugin)),
        Path(".codex-plugin/plugin.json"): _json(_codex(plugin)),
        **dict(_skills()),
    }


def _answers(era: str, asked: list[tuple[str, dict[str, Any]]]) -> Iterator[tuple[Path, str]]:
    """What the real server says on its own wire."""
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        for number, (method, params) in enumerate(asked)
    ]
    if era == "legacy":
        lines.insert(1, '{"jsonrpc": "2.0", "method": "notifications/initialized"}')
    server = subprocess.Popen(
        [sys.executable, "-m", "mcp_server"],
        cwd=HOME,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    for line in lines:
        server.stdin.write(line + "\n")
        server.stdin.flush()
        if '"id"' in line:
            reply = json.loads(server.stdout.readline())
            path = LAUNCHER / "answers" / era / f"{asked[reply['id']][0].replace('/', '_')}.json"
            yield path, _json(reply["result"])
    server.stdin.close()
    server.wait()


def _requirements() -> Iterator[tuple[Path, str]]:
    """What each environment holds; the versions are those of constraints.txt."""
    project = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
    wanted = {
        "server": project["dependencies"],
        "trainer": project["optional-dependencies"]["train"],
    }
    for kind, packages in wanted.items():
        yield LAUNCHER / "requirements" / f"{kind}.txt", "".join(f"{each}\n" for each in packages)


def _gemini(plugin: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a Gemini CLI extension, whose settings reach the server by name."""
    settings = [
        {
            "name": option["title"],
            "description": option["description"],
            "envVar": f"OPTION_TECHSPEC_{name.upper()}",
        }
        for name, option in plugin["userConfig"].items()
    ]
    return {
        **{key: plugin[key] for key in ("name", "version", "description")},
        "mcpServers": {
            "techspec": {"command": "sh", "args": [f"${{extensionPath}}/{LAUNCHER}/start.sh"]}
        },
        "settings": settings,
    }


def _codex(plugin: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a Codex plugin: skills alone.

    Codex starts a plugin's server in the plugin's folder and tells it nothing of the project, so
    the server is added by a command of its own, see docs/agents.md.
    """
    kept = ("name", "version", "description", "author", "license", "keywords")
    return {**{key: plugin[key] for key in kept}, "skills": f"./{OTHER_AGENTS}/"}


def _skills() -> Iterator[tuple[Path, str]]:
    """The plugin skills without what Claude Code alone understands."""
    for page in sorted((HOME / ".claude" / "skills").glob("*/SKILL.md")):
        text = re.sub(r"^allowed-tools:.*\n", "", page.read_text(), flags=re.MULTILINE)
        yield OTHER_AGENTS / page.parent.name / "SKILL.md", text.replace("$ARGUMENTS", _ASKED)


_ASKED = "what the user asked for, in their words"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def stale() -> dict[Path, str | None]:
    """Files that are not as they should be, with the text they should have; None: no file."""
    wanted: dict[Path, str | None] = dict(files())
    for folder in (LAUNCHER / "answers", LAUNCHER / "requirements", OTHER_AGENTS):
        there = (path.relative_to(HOME) for path in (HOME / folder).rglob("*") if path.is_file())
        wanted = {**dict.fromkeys(there), **wanted}
    return {path: text for path, text in wanted.items() if _text(HOME / path) != text}


def _text(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


def main(arguments: list[str]) -> int:
    """Write what is stale, or with `--check` name it; 1 if that found any."""
    found = stale()
    for path, text in found.items():
        if arguments == ["--check"]:
            print(f"{path} is stale\n  fix: python -m mcp_server.generated")
        elif text is None:
            (HOME / path).unlink()
        else:
            (HOME / path).parent.mkdir(parents=True, exist_ok=True)
            (HOME / path).write_text(text)
            print(path)
    return 1 if found and arguments == ["--check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
