"""Requirements in, an environment on disk out: by uv, else by venv and pip, else by pip alone.

One process builds at a time. It, and every installer that it starts, holds the lock, so that what
a killed build left running is waited for, and then cleared away.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mcp_server.launcher import environment

OLDEST, NEWEST = (3, 11), (3, 14)
"""Pythons that the pinned packages have wheels for."""
PLACES = ("~/.local/bin", "~/.cargo/bin", "/opt/homebrew/bin", "/usr/local/bin", "/usr/bin")
"""Looked at after PATH: programs started from a desktop see a short one."""
FORGET_AFTER_DAYS = 60
SIZES = {
    "server": "about 60 MB to download, 220 MB on disk",
    "trainer": "several GB where PyTorch comes with CUDA, as on Linux; else 200 MB, 1 GB on disk",
}
UV = "'curl -LsSf https://astral.sh/uv/install.sh | sh'"
HAS_ALL = """
import sys
sys.path.insert(0, sys.argv[1])
import jinja2, markdown_it, rich, scipy, yaml, mcp_server.server
"""
"""Whether a Python of the user's can do without us: it starts what we would start."""


class CannotBuild(Exception):
    """No way of building worked; its text is a sentence and what to do."""


def command(words: list[str]) -> int:
    """`build KIND` for a person; `--here` is the process that does it. Returns an exit code."""
    kind = words[0] if words else "server"
    if kind not in environment.KINDS:
        print(f"There is nothing called {kind!r} to build; take one of: server, trainer.")
        return 2
    if "--here" not in words:
        return _watched(kind)
    try:
        built(kind)
    except CannotBuild as error:
        environment.failure(kind).write_text(str(error), encoding="utf-8")
        return 1
    return 0


def _watched(kind: str) -> int:
    """Build in the background, and show its log until it has ended or the person leaves."""
    if python := environment.ready(kind):
        print(f"It is there already: {python}")
        return 0
    print(f"Installing into {environment.folder(kind)} ({SIZES[kind]})", flush=True)
    process = environment.start_build(kind)
    with environment.log(kind).open(errors="replace") as log:
        while process.poll() is None:
            print(log.read(), end="", flush=True)
            time.sleep(0.2)
        print(log.read(), end="")
    print(f"Ready: {environment.ready(kind)}" if process.returncode == 0 else environment.why(kind))
    return process.returncode


def built(kind: str) -> Path:
    """The Python of a ready environment, building it if that is not done.

    Raises:
        CannotBuild: no way worked; the log has what each said.
    """
    try:
        import fcntl
    except ImportError:
        raise CannotBuild(
            "techspec runs on Linux and macOS: its campaigns need their file locks.\n"
            "  fix: on Windows, use it inside WSL."
        ) from None
    folder = environment.folder(kind)
    with folder.with_suffix(".lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not environment.ready(kind):
            _build(kind, folder, lock.fileno())
        _forget_old(folder)
    return folder / "python"


def _build(kind: str, folder: Path, lock: int) -> None:
    wanted = ["-r", str(environment.requirements(kind)), "-c", str(environment.CONSTRAINTS)]
    os.truncate(environment.log(kind), 0)
    for steps, python, path in _ways(kind, folder, wanted):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if all(_run(step, lock) for step in steps):
            _write_programs(kind, folder, python, path)
            return
    shutil.rmtree(folder, ignore_errors=True)
    raise CannotBuild(_failed(kind) if _find("uv") or _python() else _no_python())


def _ways(
    kind: str, folder: Path, wanted: list[str]
) -> Iterator[tuple[list[list[str]], Path, Path | None]]:
    """Commands, the Python they leave, and where its packages are if it cannot tell itself."""
    inside = folder / "venv" / "bin" / "python"
    own = environment.options(dict(os.environ)).get("TECHSPEC_PYTHON")
    if own and kind == "server":
        yield [[own, "-c", HAS_ALL, str(environment.ROOT)]], Path(own), None
    if uv := _find("uv"):
        make = [uv, "venv", "--quiet", "--python", ">=3.11,<3.15", str(folder / "venv")]
        yield [make, [uv, "pip", "install", "--python", str(inside), *wanted]], inside, None
    python = _python()
    if python is None:
        return
    pip = ["-m", "pip", "install", "--no-input", "--no-compile", "--progress-bar", "off"]
    make = [python, "-m", "venv", str(folder / "venv")]
    yield [make, [str(inside), *pip, *wanted]], inside, None
    if inside.with_name("pip").exists():
        return  # the venv is sound: the same pip would fail again
    site = folder / "site"
    yield [[python, *pip, "--target", str(site), *wanted]], Path(python), site


def _run(step: list[str], lock: int) -> bool:
    """Run one installer; the log is our own output."""
    print("+", shlex.join(step), flush=True)
    try:
        return subprocess.run(step, env=_clean(), pass_fds=[lock], check=False).returncode == 0
    except OSError as error:
        print(error, flush=True)
        return False


def _clean() -> dict[str, str]:
    """The user's environment without what would send packages elsewhere."""
    astray = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
    return {name: value for name, value in os.environ.items() if name not in astray}


def _write_programs(kind: str, folder: Path, python: Path, path: Path | None) -> None:
    """Write what starts the environment; `python` last, since it says that all is there."""
    own = _script(f'exec {shlex.quote(str(python))} "$@"', path)
    if kind == "server":
        ours = shlex.quote(str(folder / "python"))
        trainer = shlex.quote(str(environment.folder("trainer") / "python"))
        either = f'[ -x {trainer} ] && exec {trainer} "$@"\nexec {ours} "$@"'
        _write_program(folder / "trainer-python", _script(either, None))
    _write_program(folder / "python", own)


def _script(line: str, path: Path | None) -> str:
    if path is None:
        return f"#!/bin/sh\n{line}\n"
    first = f"PYTHONPATH={shlex.quote(str(path))}${{PYTHONPATH:+:$PYTHONPATH}}"
    return f"#!/bin/sh\n{first}\nexport PYTHONPATH\n{line}\n"


def _write_program(path: Path, text: str) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.chmod(0o755)
    temporary.replace(path)


def _find(name: str) -> str | None:
    """A program on PATH or where people keep programs."""
    places = [str(Path(place).expanduser()) for place in PLACES]
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *places]))


def _pythons() -> Iterator[tuple[str, tuple[int, int]]]:
    """Pythons of this machine with their versions, the one that runs us first."""
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    seen = set()
    for python in (sys.executable, *map(_find, (*names, "python3"))):
        if python is None or python in seen:
            continue
        seen.add(python)
        ask = [python, "-I", "-S", "-c", "import sys; print(list(sys.version_info[:2]))"]
        try:
            told = subprocess.run(ask, stdin=subprocess.DEVNULL, capture_output=True, check=True)
            major, minor = json.loads(told.stdout)
        except (OSError, subprocess.CalledProcessError, ValueError):
            continue
        yield python, (major, minor)


def _python() -> str | None:
    return next((python for python, version in _pythons() if OLDEST <= version <= NEWEST), None)


def _no_python() -> str:
    found = [f"{major}.{minor} ({python})" for python, (major, minor) in _pythons()]
    return (
        f"techspec needs a Python from 3.11 to 3.14, or uv; here is {', '.join(found)}.\n"
        f"  fix: install uv with {UV}, then call this tool again."
    )


def _failed(kind: str) -> str:
    """What the installers complained of first, the last time, and how to see all of it."""
    text = environment.log(kind).read_text(encoding="utf-8", errors="replace")
    last = text.rpartition("\n+ ")[2].splitlines()
    said = [line.strip() for line in last if "error" in line.lower() or "no module" in line.lower()]
    return (
        f"The packages of techspec's {kind} could not be installed: "
        f"{said[0][:300] if said else f'see {environment.log(kind)}'}\n"
        f"  fix: run '{environment.by_hand(kind)}' in a terminal to see all of it (is the network "
        "there?), then call this tool again."
    )


def _forget_old(folder: Path) -> None:
    """Remove environments that no server was started from for long."""
    for marker in folder.parent.glob("*-*/python"):
        idle_days = (time.time() - marker.stat().st_mtime) / 86_400
        if marker.parent != folder and idle_days > FORGET_AFTER_DAYS:
            shutil.rmtree(marker.parent, ignore_errors=True)
