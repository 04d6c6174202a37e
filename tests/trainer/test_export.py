"""A trained model as a plain file: it holds all that another program needs to add with it."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from trainer import checkpoint  # noqa: E402
from trainer import config as configs  # noqa: E402
from trainer.export import export  # noqa: E402
from trainer.model import Decoder, layout  # noqa: E402
from trainer.protocol import TrainerError, Trial  # noqa: E402
from trainer.train import train  # noqa: E402

ADD = Path(__file__).parents[2] / "examples" / "ten-digits" / "add.py"
CPU = torch.device("cpu")

# Learns most sums of two digits between 0 and 9 in a second, with widths that all differ.
ADDER = {"digits": 1, "base": 10, "answer_order": "lsd", "operand_order": "lsd", "depth": 2}
ADDER |= {"d_model": 32, "d_ff": 48, "heads": 2, "d_proj": 24, "rope_theta": 50}
ADDER |= {"train_size": 80, "eval_size": 20, "batch_size": 80, "learning_rate": 1e-2}
ADDER |= {"max_steps": 120, "eval_every": 40, "early_stopping": False}
EVERY_PAIR = [(a, b) for a in range(10) for b in range(10)]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The file that a trained adder was exported to, and its folder."""
    folder = tmp_path_factory.mktemp("trial")
    asked = [(Trial("t", folder, 0, ADDER), configs.read(ADDER))]
    train(asked, CPU, lambda event: None, lambda: False)
    export(folder, folder / "adder.pt")
    return folder / "adder.pt"


@pytest.fixture(scope="module")
def trainers_model(exported):
    """The same weights in the trainer's own model."""
    weights = torch.load(exported, weights_only=True)["weights"]
    config = configs.read(ADDER)
    flat = torch.cat([weights[name].flatten() for name in layout(config)])
    return Decoder(config, flat[None], [config.rope_theta])


def sum_by_the_trainer(model, a, b):
    """The answer that the trainer's model writes greedily."""
    task = configs.read(ADDER).task
    tokens = list(task.tokens(a, b)[: -task.answer_length])
    with torch.no_grad():
        for _ in range(task.answer_width):
            tokens.append(int(model(torch.tensor([[tokens]]), 1).argmax()))
    return sum(digit * 10**place for place, digit in enumerate(tokens[-task.answer_width :]))


def test_the_file_holds_the_settled_config_and_the_newest_weights(exported):
    told = torch.load(exported, weights_only=True)

    assert told.keys() == {"config", "weights"}
    assert configs.read(told["config"]) == configs.read(ADDER)
    state = checkpoint.newest(exported.parent)
    assert state["progress"]["step"] == 120
    assert told["weights"].keys() == state["model"].keys()
    assert all(torch.equal(told["weights"][name], state["model"][name]) for name in state["model"])


def test_the_example_computes_the_logits_of_the_trainers_model(exported, trainers_model):
    example = runpy.run_path(str(ADD))
    tokens = list(configs.read(ADDER).task.tokens(8, 7))

    for length in range(1, len(tokens)):
        with torch.no_grad():
            expected = trainers_model(torch.tensor([[tokens[:length]]]), 1)[0, 0, 0]
        given = example["logits"](torch.load(exported), tokens[:length])
        torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-4)


def test_the_example_writes_the_sums_that_the_trainers_model_writes(exported, trainers_model):
    example = runpy.run_path(str(ADD))
    model = torch.load(exported)

    written = [example["add"](model, a, b) for a, b in EVERY_PAIR]

    assert written == [sum_by_the_trainer(trainers_model, a, b) for a, b in EVERY_PAIR]
    right = sum(total == a + b for total, (a, b) in zip(written, EVERY_PAIR, strict=True))
    assert right > 50, "a model that cannot add shows nothing"


def test_two_programs_take_a_trained_folder_to_a_sum(exported, trainers_model, start, tmp_path):
    out = tmp_path / "model.pt"

    process = start("export", exported.parent, out)
    said, _ = process.communicate(timeout=100)
    done = subprocess.run(
        [sys.executable, str(ADD), str(out), "8", "7"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert process.returncode == 0
    weights = sum(weight.numel() for weight in trainers_model.parameters())
    assert f"{weights} weights after step 120" in said
    assert int(done.stdout) == sum_by_the_trainer(trainers_model, 8, 7)


def test_a_torn_newest_checkpoint_exports_the_one_before(exported, tmp_path):
    for name in (checkpoint.NAME, checkpoint.PREVIOUS):
        (tmp_path / name).write_bytes((exported.parent / name).read_bytes())
    newest = tmp_path / checkpoint.NAME
    newest.write_bytes(newest.read_bytes()[:-7])

    step, _ = export(tmp_path, tmp_path / "model.pt")

    assert step == 80


def test_a_folder_without_a_checkpoint_is_refused_by_its_name(tmp_path):
    with pytest.raises(TrainerError, match="no whole checkpoint") as refused:
        export(tmp_path / "nowhere", tmp_path / "model.pt")

    assert "nowhere" in str(refused.value)
    assert not (tmp_path / "model.pt").exists()


def test_a_file_that_cannot_be_written_is_said(exported, tmp_path):
    with pytest.raises(TrainerError, match="cannot be written"):
        export(exported.parent, tmp_path / "no" / "such" / "folder.pt")
