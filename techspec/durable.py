"""Files that are whole or not there: a reader never meets half of one, whenever the power went."""

import os
import tempfile
from pathlib import Path

from techspec.errors import TechspecError


class CannotWrite(TechspecError):
    """The system refused to write where we were told to."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path} cannot be written: {error.strerror or error}.",
            "make room there or give yourself the right to write, or name another folder.",
        )


def write(path: Path, text: str) -> None:
    """Replace the file at `path` by `text` in one step; on return it is on disk.

    Raises:
        CannotWrite: the folder cannot be made or written; the old file is untouched.
    """
    temporary: str | None = None
    path = path.resolve()  # a link stays a link; what it points to is replaced
    content = text.encode(errors="replace")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise CannotWrite(path, error) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
