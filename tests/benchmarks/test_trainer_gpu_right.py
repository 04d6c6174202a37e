"""The program that tells whether a GPU trains rightly, tried where there is none."""

import torch

from benchmarks import trainer_gpu_right


def test_the_trainer_is_the_same_in_every_way_of_a_cpu(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["trainer_gpu_right", "--device", "cpu"])
    monkeypatch.setattr(trainer_gpu_right, "SHAPES", trainer_gpu_right.SHAPES[:1])

    assert trainer_gpu_right.main() == 0

    said = [line.split(": ") for line in capsys.readouterr().out.splitlines()[1:]]
    names = ["warnings", "recorded", "side by side", "resumed", "on a CPU"]
    assert said == [[name, "same"] for name in names]


def test_weights_that_differ_in_the_last_bit_are_told():
    one = torch.ones(3)
    other = one.clone()
    other[1] += torch.finfo(torch.float32).eps

    assert trainer_gpu_right.differing([one, one], [one, other]) == "trial 1 differs by 1.2e-07"
    assert "2 trials ended here, 1 there" in trainer_gpu_right.differing([one, one], [one])
