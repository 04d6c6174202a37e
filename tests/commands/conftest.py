import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from techspec.cli import main
from techspec.shipped import folder


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def techspec(capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs one verb as the shell would."""

    def call(*words: object) -> Said:
        capfd.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as exit:  # argparse
            code = int(exit.code or 0)
        captured = capfd.readouterr()
        return Said(code, captured.out, captured.err)

    return call


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the example of a trainer in plain Python, and the shell in it."""
    shutil.copytree(folder("examples") / "own-trainer", tmp_path / "project")
    (tmp_path / "project" / "registry").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"
