"""Machines to install on: a PATH of their own, a copied plugin, a folder of wheels as the index."""

import json
import os
import queue
import shlex
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

HOME = Path(__file__).parents[2]
STATELESS = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {"roots": {}},
    "clientInfo": {"name": "test", "version": "1"},
}
BASE = Path(getattr(sys, "_base_executable", sys.executable))
"""The interpreter outside any virtual environment: it has no packages of ours."""


NO_VENV = (
    'if [ "$1 $2" = "-m venv" ]; then echo "Error: ensurepip is not available" >&2; exit 1; fi'
)


class Machine:
    """A place where nothing is installed yet but sh, uv, and a Python without ensurepip."""

    def __init__(self, home: Path) -> None:
        self.home, self.data, self.wheels = home, home / "data", home / "wheels"
        self.calls = home / "calls"
        self.programs = home / "bin"
        for folder in (self.programs, self.wheels):
            folder.mkdir(parents=True)
        for name in ("sh", "bash", "sed", "tr", "sleep"):
            (self.programs / name).symlink_to(str(shutil.which(name)))
        self.calls.touch()
        self.python(before=NO_VENV)
        self.uv()
        self.root = home / "plugin"
        launcher = self.root / "mcp_server" / "launcher"
        ours = shutil.ignore_patterns("__pycache__")
        shutil.copytree(HOME / "mcp_server" / "launcher", launcher, ignore=ours)
        (launcher.parent / "__init__.py").touch()
        shutil.copy(Path(__file__).with_name("standin.py"), launcher.parent / "__main__.py")
        (launcher / "requirements" / "server.txt").write_text("tinydep\n")
        (self.root / "constraints.txt").write_text("tinydep==1.0\n")

    def python(self, before: str = "") -> None:
        """Put a python3 on PATH that notes each call and does `before` first."""
        self.program(
            "python3",
            f'echo "$@" >>{shlex.quote(str(self.calls))}\n{before}\nexec -a "$0" {BASE} "$@"',
        )

    def uv(self, before: str = "") -> None:
        """Put a uv on PATH: what it is asked for here, done by venv and pip."""
        make = f'{BASE} -m venv --without-pip "${{@: -1}}"'
        install = f'{BASE} -m pip --python "$4" install "${{@:5}}"'
        self.program(
            "uv",
            f'echo uv "$@" >>{shlex.quote(str(self.calls))}\n{before}\n'
            f'if [ "$1" = venv ]; then {make}; else {install}; fi',
        )

    def program(self, name: str, body: str) -> None:
        """Put a shell program on PATH."""
        path = self.programs / name
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    def publish(self) -> None:
        """Put the one package that the copied plugin needs where pip looks."""
        with zipfile.ZipFile(self.wheels / "tinydep-1.0-py3-none-any.whl", "w") as wheel:
            about = "tinydep-1.0.dist-info"
            wheel.writestr("tinydep.py", "")
            wheel.writestr(
                f"{about}/METADATA", "Metadata-Version: 2.1\nName: tinydep\nVersion: 1.0\n"
            )
            wheel.writestr(
                f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{about}/RECORD", "")

    def only_here(self) -> None:
        """Let the launcher look for programs on PATH alone: this machine's own do not count."""
        for path, old, new in (
            (
                "building.py",
                'PLACES = ("~/.local/bin", "~/.cargo/bin", "/opt/homebrew/bin", '
                '"/usr/local/bin", "/usr/bin")',
                "PLACES = ()",
            ),
            (
                "start.sh",
                'PATH="$PATH:$HOME/.local/bin:/opt/homebrew/bin:/usr/local/bin:/usr/bin"',
                ":",
            ),
        ):
            file = self.root / "mcp_server" / "launcher" / path
            text = file.read_text()
            assert old in text
            file.write_text(text.replace(old, new))

    def environment(self, **more: str) -> dict[str, str]:
        """What a client's process would pass on."""
        return {
            "PATH": str(self.programs),
            "HOME": str(self.home),
            "TECHSPEC_DATA": str(self.data),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_CONFIG_FILE": os.devnull,
            **more,
        }

    def client(self, **more: str) -> "Client":
        """A client that has started the launcher."""
        return Client(self.root, self.environment(**more))


class Client:
    """Speaks to a launcher line by line, and gets what it says by id."""

    def __init__(self, root: Path, environment: dict[str, str], cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            ["/bin/sh", str(root / "mcp_server" / "launcher" / "start.sh")],
            env=environment,
            cwd=cwd or root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._said: queue.Queue[dict] = queue.Queue()
        self.others: list[dict] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=60)

    def _listen(self) -> None:
        for line in self.process.stdout:
            self._said.put(json.loads(line))

    def send(self, message: dict) -> None:
        """One line."""
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def reply(self, id: object) -> dict:
        """The reply to a request; what else comes meanwhile is kept in `others`."""
        while True:
            message = self._said.get(timeout=120)
            if message.get("id") == id and "method" not in message:
                return message
            self.others.append(message)

    def other(self) -> dict:
        """The next message that is no reply, from those that came."""
        return self.others.pop(0) if self.others else self._said.get(timeout=120)

    def ask(self, id: object, method: str, **params: object) -> dict:
        """A request and its reply."""
        self.send({"id": id, "method": method, "params": params})
        return self.reply(id)

    def greet(self) -> dict:
        """The handshake of the older kind."""
        reply = self.ask("hi", "initialize", **INITIALIZE)
        self.send({"method": "notifications/initialized"})
        return reply["result"]

    def call(self, id: object, name: str = "tell", **more: object) -> dict:
        """The result of a tool call."""
        return self.ask(id, "tools/call", name=name, arguments={}, **more)["result"]


def words(result: dict) -> str:
    """What a person reads in a result."""
    return result["content"][0]["text"]
