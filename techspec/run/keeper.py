"""Stays with one trainer process: `keeper.py FOLDER LEDGER LIMIT COMMAND…`. Standard library only.

It says that the process lives (`alive`, touched every second), how it ended (`exit`), and ends it
when its reservation is used up and no runner is there to watch the budget.
Run as a file, not as a module: nothing in the user's folder can take its place.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_LOOK_EVERY_SECONDS = 1.0
_GRACE_SECONDS = 5.0


def main() -> int:
    """Exit code of the command, or 128 and its signal, as a shell has it."""
    folder, ledger, limit = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    (folder / "pid").write_text(f"{os.getpid()}\n")
    # A handler, not SIG_IGN: that would be inherited by the trainer, who has to hear it.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    begun = time.monotonic()
    try:
        process = subprocess.Popen(sys.argv[4:], stdin=subprocess.DEVNULL, close_fds=False)
    except OSError as error:
        sys.stderr.write(f"{sys.argv[4]} cannot be started: {error.strerror}\n")
        return 127
    while process.poll() is None:
        (folder / "alive").touch()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_EVERY_SECONDS)
        if limit and time.monotonic() - begun > limit and not _is_watched(ledger):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
            process.kill()
            process.wait()
    code = process.returncode if process.returncode >= 0 else 128 - process.returncode
    (folder / "exit").write_text(f"{code}\n")
    return code


def _is_watched(ledger: Path) -> bool:
    """Whether a runner holds the ledger."""
    try:
        with ledger.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


if __name__ == "__main__":
    sys.exit(main())
