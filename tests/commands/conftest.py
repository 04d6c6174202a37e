import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from techspec.cli import main
from techspec.plan.build import build
from techspec.run.campaign import carry_out
from techspec.run.opening import freeze
from techspec.run.trainer_call import trainer_of
from techspec.shipped import folder
from techspec.spec.reader import read_file


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


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `.techspec` of the example's spec, run to its end once."""
    home = tmp_path_factory.mktemp("finished") / "project"
    shutil.copytree(folder("examples") / "own-trainer", home)
    spec = home / "TECHSPEC.md"
    plan = build(read_file(spec), trainer_of(read_file(spec), home))
    assert carry_out(freeze(spec, plan)).why == "complete"
    return home / ".techspec"


@pytest.fixture
def finished(project: Path, campaign: Path) -> Path:
    """The project after 'techspec run'."""
    shutil.copytree(campaign, project / ".techspec")
    return project
