"""State in, one file out, and back: whole or not at all. It knows no model.

A file is its own SHA-256 and then the state. The one before is kept, so that a torn or damaged
newest file costs one interval and not the trial.
"""

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

NAME = "checkpoint.pt"
PREVIOUS = "checkpoint.previous.pt"


def write(folder: Path, state: dict[str, Any]) -> Path:
    """Put `state` on disk as the newest checkpoint; returns once it would survive a power cut."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    body = buffer.getbuffer()
    newest, coming = folder / NAME, folder / f"{NAME}.coming"
    with coming.open("wb") as file:
        file.write(hashlib.sha256(body).digest())
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    if newest.exists():
        newest.replace(folder / PREVIOUS)  # killed here, the previous one is what read() finds
    coming.replace(newest)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return newest


def read(folder: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """Find the newest whole state that `identity` wrote, or None.

    A checkpoint of other settings, code or torch is passed over: going on from it would end with
    numbers that no single run could have.
    """
    return next((state for state in _whole(folder) if state["identity"] == identity), None)


def newest(folder: Path) -> dict[str, Any] | None:
    """Find the newest whole state, whoever wrote it, or None."""
    return next(_whole(folder), None)


def _whole(folder: Path) -> Iterator[dict[str, Any]]:
    for name in (NAME, PREVIOUS):
        try:
            content = (folder / name).read_bytes()
        except FileNotFoundError:
            continue
        if hashlib.sha256(content[32:]).digest() == content[:32]:
            yield torch.load(io.BytesIO(content[32:]), map_location="cpu", weights_only=True)
