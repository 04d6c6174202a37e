"""A C source in, the library that this machine's own compiler makes of it out."""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

# Not -ffast-math: a library linked with it has the whole process take small numbers for 0.
_ROUNDING = ("-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-fno-strict-aliasing")
FLAGS = ("-std=gnu11", "-O3", "-fPIC", "-shared", "-w", *_ROUNDING)
# For this very processor; compilers differ in which of the two they know.
_NATIVE = ("-march=native", "-mcpu=native")


class NoLibrary(Exception):
    """A source cannot be compiled or loaded here; the text says why."""


def folder() -> Path:
    """Where compiled code is kept from one start to the next."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "techspec", "compiled")


def load(source: Path) -> ctypes.CDLL:
    """Load the library of `source`; whoever asks first on this machine compiles it, in a second.

    Raises:
        NoLibrary: there is no C compiler, it fails, or there is no place for what it makes.
    """
    compiler = _compiler()
    key = repr((source.read_bytes(), compiler, FLAGS, _processor()))
    made = folder() / f"{source.stem}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.so"
    try:
        if made.exists():
            with suppress(OSError):  # one that is damaged is made again
                return ctypes.CDLL(str(made))
        _compile(compiler, source, made)
        return ctypes.CDLL(str(made))
    except OSError as error:
        raise NoLibrary(f"the C compiler's work cannot be kept or loaded ({error})") from error


def _compiler() -> list[str]:
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        words = shlex.split(name or "")
        if words and shutil.which(words[0]):
            return words
    raise NoLibrary("there is no C compiler here (gcc or clang)")


def _compile(compiler: list[str], source: Path, made: Path) -> None:
    made.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=made.parent) as scratch:
        new = Path(scratch, made.name)
        said = ""
        for native in ([flag] if flag else [] for flag in (*_NATIVE, "")):
            command = [*compiler, *FLAGS, *native, str(source), "-o", str(new), "-lm"]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode == 0:
                with new.open("rb") as file:
                    os.fsync(file.fileno())  # half a library would end the process that loads it
                new.replace(made)  # whole or not at all, however many compile it at once
                return
            said = said or done.stderr.strip()
    raise NoLibrary(f"{shlex.join(compiler)} does not compile {source.name}: {said[:300]}")


def _processor() -> str:
    """What code for this very processor depends on; a home may be shared by several."""
    try:
        first, _, _ = Path("/proc/cpuinfo").read_text().partition("\n\n")
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    lines = first.splitlines()
    return "\n".join(line for line in lines if line.startswith(("model name", "flags", "Features")))
