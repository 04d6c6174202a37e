"""How long an agent waits for the server, and a person for `lint`, against a bare MCP server.

    python benchmarks/start.py [--runs 9] [--spec examples/two-minutes/TECHSPEC.md]
    python benchmarks/start.py --install

Each round starts all of them once, one after another, so that a busy machine slows them alike.
Seconds run to the reply to `initialize` (of the launcher: to `tools/list` after it), or to the end
of `lint`; memory is the peak till then. Then, once: the memory of a session that calls nothing and
of one that has called `advise`. `--install` instead times a first start, from nothing installed to
the first answer of `advise`, with an empty package cache and with a full one.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
TOOLS = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
ADVISE = {
    "jsonrpc": "2.0",
    "id": 3,
    "method": "tools/call",
    "params": {
        "name": "advise",
        "arguments": {"goal": "train a small transformer to add", "keywords": ["addition"]},
    },
}
ATMOST = 1.3
"""What the design allows our server, as a multiple of the bare one's time and memory."""
LAUNCHER_SECONDS = 0.06
"""What the design allows the launcher in CPU time, that of the Python it tries first included."""
START = HOME / "mcp_server" / "launcher" / "start.sh"


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
    parser.add_argument("--install", action="store_true", help="time a first start instead")
    args = parser.parse_args()
    if args.install:
        return install()
    with data_folder() as environment:
        return compare(args, environment)


def compare(args: argparse.Namespace, environment: dict[str, str]) -> int:
    """Start each in turn and print the table; `environment` is the launcher's."""
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
        "launcher, to its tools": lambda: to_handshake(["sh", str(START)], TOOLS, environment),
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
    for line in idle(environment):
        print(line)
    ours, first = medians(found["techspec server"]), medians(found["launcher, to its tools"])
    return int(
        ours.cpu_seconds > ATMOST * bare.cpu_seconds
        or ours.peak_mib > ATMOST * bare.peak_mib
        or first.cpu_seconds > LAUNCHER_SECONDS
    )


def idle(environment: dict[str, str]) -> Iterator[str]:
    """Memory that a session holds: the launcher alone, then with the server behind it."""
    session = start(["sh", str(START)], environment)
    for message in (INITIALIZE, TOOLS):
        ask(session, message)
    yield f"a session that calls nothing holds {resident(session.pid):.1f} MiB"
    ask(session, ADVISE)
    threads = Path(f"/proc/{session.pid}/task").iterdir()  # each has the children that it started
    servers = [int(pid) for each in threads for pid in (each / "children").read_text().split()]
    yield f"after advise it holds {resident(session.pid) + sum(map(resident, servers)):.1f} MiB"
    end(session)


def install() -> int:
    """From nothing installed to the first answer of advise, by each installer that is here."""
    installers = {"uv": shutil.which("uv"), "pip": sys.executable}
    for name in [name for name, program in installers.items() if program]:
        with tempfile.TemporaryDirectory() as scratch:
            for cache in ("empty", "full"):
                environment = {
                    **os.environ,
                    "TECHSPEC_DATA": str(Path(scratch) / cache),
                    "PIP_CACHE_DIR": str(Path(scratch) / "cache-pip"),
                    "UV_CACHE_DIR": str(Path(scratch) / "cache-uv"),
                    "PATH": os.environ["PATH"] if name == "uv" else without_uv(),
                }
                began = time.perf_counter()
                session = start(["sh", str(START)], environment)
                ask(session, INITIALIZE)
                while "still installing" in (reply := json.dumps(ask(session, ADVISE))):
                    pass  # as an agent is told to
                seconds = time.perf_counter() - began
                end(session)
                assert "addition-baseline" in reply, reply
                print(f"{name}, {cache} package cache: {seconds:.1f} s to the first advice")
    return 0


def without_uv() -> str:
    """PATH without the folders that have uv."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not (Path(folder) / "uv").exists())


@contextmanager
def data_folder() -> Iterator[dict[str, str]]:
    """The environment of a launcher whose packages are this Python's own."""
    from mcp_server.launcher import environment

    with tempfile.TemporaryDirectory() as scratch:
        os.environ["TECHSPEC_DATA"] = scratch
        python = environment.folder("server") / "python"
        del os.environ["TECHSPEC_DATA"]
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)
        yield {**os.environ, "TECHSPEC_DATA": scratch}


def start(command: list[str], environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """A server that waits for us."""
    return subprocess.Popen(
        command,
        cwd=HOME,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def ask(server: subprocess.Popen[bytes], message: dict[str, object]) -> dict[str, object]:
    """The result of one request."""
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(message).encode() + b"\n")
    server.stdin.flush()
    while True:
        reply = json.loads(server.stdout.readline())
        if reply.get("id") == message["id"]:
            return dict(reply["result"])


def end(server: subprocess.Popen[bytes]) -> None:
    """Leave, as a client does."""
    assert server.stdin is not None
    server.stdin.close()
    server.kill()
    server.wait()


def resident(pid: int) -> float:
    """Memory that a process holds now, in MiB."""
    status = (Path("/proc") / str(pid) / "status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def to_handshake(
    command: list[str],
    then: dict[str, object] | None = None,
    environment: dict[str, str] | None = None,
) -> Cost:
    """Start a server and end it once it has answered; Linux, for /proc."""
    began = time.perf_counter()
    server = start(command, environment)
    assert "serverInfo" in ask(server, INITIALIZE)
    if then is not None:
        ask(server, then)
    wall = time.perf_counter() - began
    proc = Path("/proc") / str(server.pid)
    fields = (proc / "stat").read_text().rpartition(")")[2].split()
    ticks = sum(map(int, fields[11:15]))  # its own, and of children that have ended
    peak = int((proc / "status").read_text().partition("VmHWM:")[2].split()[0])
    end(server)
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
