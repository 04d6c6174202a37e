"""Where what we install lies, and whether it is ready. Nothing is installed here.

An environment is a folder named by the packages it holds. Its file `python` is written last, so
that a folder without one is a build that goes on or was cut short.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = ROOT / "constraints.txt"
KINDS = ("server", "trainer")
OPTION = "OPTION_TECHSPEC_"
"""What a user set in the client arrives under names that begin so; empty if it was not set."""


def data() -> Path:
    """The folder that is ours to write in, and that outlives an update of the plugin."""
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(os.environ.get("TECHSPEC_DATA") or Path(home) / "techspec").absolute()


def requirements(kind: str) -> Path:
    """What an environment of this kind holds."""
    return Path(__file__).resolve().parent / "requirements" / f"{kind}.txt"


def folder(kind: str) -> Path:
    """The folder of an environment: other packages or versions are another folder."""
    wanted = requirements(kind).read_bytes() + CONSTRAINTS.read_bytes()
    return data() / f"{kind}-{hashlib.sha256(wanted).hexdigest()[:12]}"


def ready(kind: str) -> Path | None:
    """The program that starts the environment's Python, once it has been built."""
    python = folder(kind) / "python"
    return python if os.access(python, os.X_OK) else None


def failure(kind: str) -> Path:
    """Holds why the last build came to nothing, in words for a person."""
    return folder(kind).with_suffix(".failed")


def why(kind: str) -> str:
    """Why there is no environment, for a person, after a build has ended."""
    try:
        return failure(kind).read_text(encoding="utf-8")
    except FileNotFoundError:
        return (
            f"The installation of techspec's {kind} packages was cut short.\n"
            "  fix: call this tool again; it begins anew."
        )


def log(kind: str) -> Path:
    """Everything that the installers printed in the last build."""
    return folder(kind).with_suffix(".log")


def start_build(kind: str) -> subprocess.Popen[bytes]:
    """Build in a process of its own, which goes on when we are gone."""
    data().mkdir(parents=True, exist_ok=True)
    failure(kind).unlink(missing_ok=True)
    with log(kind).open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).resolve().parent), "build", kind, "--here"],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


def by_hand(kind: str) -> str:
    """The command that a person can run to do the same and watch it."""
    script = Path(__file__).resolve().parent / "start.sh"
    return f"TECHSPEC_DATA={shlex.quote(str(data()))} sh {shlex.quote(str(script))} build {kind}"


def options(environ: dict[str, str]) -> dict[str, str]:
    """The environment with what was set in the client; where that is empty, the shell's word holds.

    >>> options({"OPTION_TECHSPEC_SHARED_REGISTRIES": "/lab,/old", "TECHSPEC_PYTHON": "python3"})
    {'TECHSPEC_PYTHON': 'python3', 'TECHSPEC_REGISTRY': 'registry:/lab:/old'}
    >>> options({"OPTION_TECHSPEC_SHARED_REGISTRIES": "/lab", "CLAUDE_PROJECT_DIR": "/own"})
    {'CLAUDE_PROJECT_DIR': '/own', 'TECHSPEC_REGISTRY': '/own/registry:/lab'}
    """
    told = {name: environ.get(OPTION + name, "").strip() for name in _OPTIONS}
    shared = [folder for folder in told["SHARED_REGISTRIES"].split(",") if folder]
    if told["REGISTRY"] or shared:  # the first folder is written to: the project's, if none is set
        project = environ.get("TECHSPEC_PROJECT") or environ.get("CLAUDE_PROJECT_DIR") or ""
        own = str(Path(project) / "registry")
        told["REGISTRY"] = os.pathsep.join([told["REGISTRY"] or own, *shared])
    kept = {name: value for name, value in environ.items() if not name.startswith(OPTION)}
    for name in ("PYTHON", "REGISTRY"):
        if told[name]:
            kept[f"TECHSPEC_{name}"] = told[name]
    return kept


_OPTIONS = ("REGISTRY", "SHARED_REGISTRIES", "PYTHON")


def for_server() -> dict[str, str]:
    """What the server's process sees: our code, the user's options, and a Python that trains."""
    environ = options(dict(os.environ))
    environ["PYTHONPATH"] = str(ROOT)
    if not environ.get("TECHSPEC_PYTHON"):
        environ["TECHSPEC_PYTHON"] = str(folder("server") / "trainer-python")
        environ["TECHSPEC_INSTALL_TORCH"] = by_hand("trainer")
    return environ
