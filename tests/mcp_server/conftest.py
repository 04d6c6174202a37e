import shutil
from pathlib import Path

import pytest

from techspec.ledger.folder import find
from techspec.ledger.journal import is_held
from techspec.plan.build import build
from techspec.run.campaign import carry_out
from techspec.run.opening import ask_to_stop, freeze
from techspec.run.trainer_call import trainer_of
from techspec.spec.reader import read_file
from tests.mcp_server.projects import wait_for, write_spec


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A project with a spec, which the server serves, and a registry of its own."""
    monkeypatch.setenv("TECHSPEC_PROJECT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.delenv("TECHSPEC_REGISTRY", raising=False)
    (tmp_path / "registry").mkdir()
    write_spec(tmp_path)
    yield tmp_path
    for folder in find(tmp_path):  # nothing goes on behind a test that failed
        ask_to_stop(folder)
        wait_for(lambda folder=folder: not is_held(folder.ledger))


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `.techspec` of the project's spec, run to its end once."""
    home = tmp_path_factory.mktemp("finished")
    path = write_spec(home)
    spec = read_file(path)
    assert carry_out(freeze(path, build(spec, trainer_of(spec, home)))).why == "complete"
    return home / ".techspec"


@pytest.fixture
def finished(project: Path, campaign: Path) -> Path:
    """A project whose campaign has run to its end."""
    shutil.copytree(campaign, project / ".techspec")
    return project
