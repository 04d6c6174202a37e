"""A small project on disk, and calls of the server as a client makes them."""

import functools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp_types import CallToolResult

from mcp_server.server import Server, build

STEADY = Path(__file__).parents[1] / "run" / "trainers" / "steady.py"

SPEC = """\
# TECHSPEC: does a larger value score higher?

## Objective
Which value of the steady trainer scores higher?

## Hypotheses
1. The high value wins: `score(high) > score(low) by 0.1`
2. The low value wins: `score(low) > score(high) by 0.1`

## Parameter Grid
| Name | value | steps | seconds_a_step | Priority |
|------|-------|-------|----------------|----------|
| low | 0.2 | {steps} | {pause} | Baseline |
| high | 0.8 | {steps} | {pause} | High |

## Success Criteria
| Scenario | Score |
|----------|-------|
| Good | >=0.5 |
| Failure | <0.5 |

## Budget Constraints
- Max CPU hours: 0.1
- Max experiments: 20
- Priority: value

## Run
```yaml
trainer: python {trainer}
metric: score
seeds: {seeds}
workers: 2
```

## Context for Claude
Made for tests.
"""


def write_spec(folder: Path, steps: int = 2, seeds: int = 5, pause: float = 0.02) -> Path:
    """A spec of two arms; each trial takes `steps` times `pause` seconds."""
    path = folder / "TECHSPEC.md"
    path.write_text(SPEC.format(steps=steps, seeds=seeds, pause=pause, trainer=STEADY))
    return path


shared = functools.cache(build)
"""The server of all calls in this process: it keeps nothing of a session."""


def in_memory(use: Callable[[Client], Any], server: Server | None = None) -> Any:
    """What `use` makes of a client of a server in this process, the shared one if none is given."""

    async def session() -> Any:
        async with Client(server or shared()) as client:
            return await use(client)

    return anyio.run(session)


def call(tool: str, **arguments: Any) -> CallToolResult:
    return in_memory(lambda client: client.call_tool(tool, arguments))


def fields(tool: str, **arguments: Any) -> dict[str, Any]:
    """The fields of an answer that is no error."""
    answer = call(tool, **arguments)
    assert not answer.is_error, answer.content[0].text
    return answer.structured_content


def text(tool: str, **arguments: Any) -> str:
    return call(tool, **arguments).content[0].text


def refusal(tool: str, **arguments: Any) -> str:
    """What an error says."""
    answer = call(tool, **arguments)
    assert answer.is_error, answer.structured_content
    return answer.content[0].text


def wait_for(what: Callable[[], object], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


class Process:
    """A server of its own, spoken to by hand, so that every byte of its stdout is seen."""

    def __init__(self, project: Path) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "mcp_server"],
            cwd=project,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._asked = 0
        client = {"name": "tests", "version": "1"}
        self.hello = self.request(
            "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=client
        )
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def request(self, method: str, **params: Any) -> dict[str, Any]:
        self._asked += 1
        self._send({"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params})
        reply = json.loads(self.popen.stdout.readline())  # all that it prints is the protocol
        assert reply["id"] == self._asked, reply
        return reply["result"]

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = self.request("tools/call", name=tool, arguments=arguments)
        assert not result.get("isError"), result
        return result["structuredContent"]

    def _send(self, message: dict[str, Any]) -> None:
        self.popen.stdin.write(json.dumps(message).encode() + b"\n")
        self.popen.stdin.flush()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.popen.kill()
        self.popen.wait()
        self.popen.stdin.close()
        self.popen.stdout.close()
