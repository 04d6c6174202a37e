from pathlib import Path

import pytest

from techspec.run.trainer_call import INSTALL_TORCH, PYTHON, NoTorch, program


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python that finds no torch; it is the one that trains."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setenv(PYTHON, str(python))
    monkeypatch.delenv(INSTALL_TORCH, raising=False)
    return python


def test_without_torch_nothing_is_begun_and_the_error_says_how_to_install_it(bare, tmp_path):
    with pytest.raises(NoTorch) as error:
        program(None, tmp_path).must_have_torch()

    assert f"{bare} -m pip install torch" in error.value.fix


def test_a_download_of_torch_by_our_own_command_is_announced_with_its_size(
    bare, tmp_path, monkeypatch
):
    monkeypatch.setenv(INSTALL_TORCH, "sh start.sh build trainer")

    with pytest.raises(NoTorch) as error:
        program(None, tmp_path).must_have_torch()

    assert "'sh start.sh build trainer'" in error.value.fix
    assert "GB" in error.value.fix
    assert "tell the user" in error.value.fix


def test_a_trainer_of_the_users_own_is_not_asked_for_torch(bare, tmp_path):
    program("python train.py", tmp_path).must_have_torch()
