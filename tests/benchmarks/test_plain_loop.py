import sys
from pathlib import Path
from statistics import fmean

import pytest
import torch
from torch import Tensor

from benchmarks import plain_loop
from benchmarks.trainer_programs import ProgramFailed, ours, plain, run
from trainer import config, shape
from trainer.config import Config

SMALL = {
    "d_model": 32,
    "depth": 2,
    "d_ff": 64,
    "digits": 2,
    "base": 10,
    "train_size": 4000,
    "eval_size": 500,
    "batch_size": 32,
    "learning_rate": 5e-3,
    "max_steps": 120,
    "eval_every": 40,
    "early_stopping": False,
}


def our_logits(settings: Config, plain: plain_loop.Transformer, tokens: Tensor) -> Tensor:
    """The trainer's logits at the scored positions, computed with the plain loop's weights."""
    from trainer.model import Decoder, layout

    theirs = {"norm1": "attention_norm", "norm2": "mlp_norm", "layers": "blocks"}
    weights = {}
    for name, value in plain.state_dict().items():
        renamed = ".".join(theirs.get(part, part) for part in name.split("."))
        weights[renamed.replace("qkv", "query_key_value")] = value
    flat = torch.cat([weights[name].flatten() for name in layout(settings)])
    model = Decoder(settings, flat[None], [settings.rope_theta])
    return model(tokens[None, :, : settings.task.length - 1], settings.scored)[0].flatten(0, 1)


def test_the_plain_loop_computes_the_trainers_model():
    settings = config.read({**SMALL, "d_proj": 16})
    torch.manual_seed(0)
    model = plain_loop.Transformer(settings)
    tokens, targets = plain_loop.examples(settings, [(3, 4), (99, 99), (0, 0)], "cpu")

    logits = model(tokens)
    scored = targets != plain_loop.IGNORED

    assert sum(weight.numel() for weight in model.parameters()) == shape.params(settings)
    assert tokens.shape == (3, settings.max_tokens - 1)
    expected = our_logits(settings, model, tokens)
    torch.testing.assert_close(logits[scored].view_as(expected), expected, atol=1e-5, rtol=1e-5)


def test_the_plain_loop_learns_as_the_trainer_does(tmp_path):
    seeds = range(2)
    torch.set_num_threads(1)

    loops = [list(plain_loop.train(config.read(SMALL), seed, "cpu")) for seed in seeds]
    trained = run(ours([SMALL], seeds, "cpu", tmp_path), threads=1)

    told = [
        [event["metrics"]["eval_loss"] for event in loop if "metrics" in event] for loop in loops
    ]
    first, last = [losses[0] for losses in told], [losses[-1] for losses in told]
    expected = fmean(event["metrics"]["eval_loss"] for event in trained.ended().values())
    assert max(last) < min(first)
    assert fmean(last) == pytest.approx(expected, rel=0.1)


def test_the_plain_loop_refuses_what_it_has_no_code_for():
    with pytest.raises(ProgramFailed) as refused:
        run(plain({"schedule": "cosine"}, 0, "cpu"))

    assert refused.value.code == 2
    assert "schedule" in refused.value.complaints


def test_every_program_starts_with_nothing_compiled_unless_a_cache_is_named(tmp_path):
    tell = "import json, os; print(json.dumps(dict(os.environ)))"

    first, second, named, again = (
        run([sys.executable, "-c", tell], cache=cache).said[0].event["TORCHINDUCTOR_CACHE_DIR"]
        for cache in (None, None, tmp_path, tmp_path)
    )

    assert first != second
    assert named == again
    assert Path(named).is_relative_to(tmp_path)
