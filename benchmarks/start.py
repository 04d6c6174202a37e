"""How long an agent waits for the server, and a person for `lint`, against a bare MCP server.

    python benchmarks/start.py [--runs 9] [--spec examples/two-minutes/TECHSPEC.md]

Each round starts all of them once, one after another, so that a busy machine slows them alike.
Seconds run to the reply to `initialize`, or to the end of `lint`; memory is the peak till then.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

HOME = Path(__file__).resolve().parents[1]

BARE = """
from mcp.server.mcpserver import MCPServer

server = MCPServer("bare")

@server.tool()
def add(a: int, b: int) -> int:
    return a + b

server.run("stdio")
"""

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "benchmark", "version": "1"},
    },
}
ATMOST = 1.3
"""What the design allows our server, as a multiple of the bare one's time and memory."""


class Cost(NamedTuple):
    """One start."""

    wall_seconds: float
    cpu_seconds: float
    peak_mib: float


def main() -> int:
    """Exit 1 if our server starts slower or larger than the design allows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--spec", type=Path, default=None)
    args = parser.parse_args()
    spec = args.spec or next(
        path
        for path in (
            HOME / "examples/two-minutes/TECHSPEC.md",
            HOME / "examples/own-trainer/TECHSPEC.md",
        )
        if path.exists()
    )
    starts: dict[str, Callable[[], Cost]] = {
        "bare mcp server": lambda: to_handshake([sys.executable, "-c", BARE]),
        "techspec server": lambda: to_handshake([sys.executable, "-m", "mcp_server"]),
        f"techspec lint {spec.resolve().relative_to(HOME)}": lambda: to_end(
            [sys.executable, "-m", "techspec", "lint", str(spec)]
        ),
    }
    found: dict[str, list[Cost]] = {name: [] for name in starts}
    for number in range(args.runs + 1):
        for name, start in starts.items():
            cost = start()
            if number:  # the first of each warms the disk's cache
                found[name].append(cost)
    bare = medians(found["bare mcp server"])
    widest = max(map(len, starts))
    print(f"medians of {args.runs} alternating starts; in brackets, against the bare server")
    print(f"{'':{widest}}  {'wall':>16}  {'CPU':>16}  {'peak memory':>20}")
    for name, costs in found.items():
        own = medians(costs)
        wall, cpu, peak = (mine / its for mine, its in zip(own, bare, strict=True))
        print(
            f"{name:{widest}}  {own.wall_seconds:6.2f} s ({wall:4.2f}x)"
            f"  {own.cpu_seconds:6.2f} s ({cpu:4.2f}x)  {own.peak_mib:8.1f} MiB ({peak:4.2f}x)"
        )
    ours = medians(found["techspec server"])
    return int(
        ours.cpu_seconds > ATMOST * bare.cpu_seconds or ours.peak_mib > ATMOST * bare.peak_mib
    )


def to_handshake(command: list[str]) -> Cost:
    """Start a server and end it once it has answered; Linux, for /proc."""
    began = time.perf_counter()
    server = subprocess.Popen(
        command, cwd=HOME, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
    server.stdin.flush()
    reply = json.loads(server.stdout.readline())
    wall = time.perf_counter() - began
    assert "serverInfo" in reply["result"], reply
    proc = Path("/proc") / str(server.pid)
    fields = (proc / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])  # utime and stime; the list begins at field 3
    status = (proc / "status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])
    server.stdin.close()
    server.kill()
    server.wait()
    return Cost(wall, ticks / os.sysconf("SC_CLK_TCK"), peak / 1024)


def to_end(command: list[str]) -> Cost:
    """Run a command to its end; its children count, as the trainer that lint asks."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=HOME, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 1), process.returncode
    wall = time.perf_counter() - began
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def medians(costs: list[Cost]) -> Cost:
    """The median of each column by itself."""
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


if __name__ == "__main__":
    sys.exit(main())
