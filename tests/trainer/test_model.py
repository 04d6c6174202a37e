"""The decoder's size, its positions, and that what it leaves out changes nothing."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from trainer import config as configs  # noqa: E402
from trainer.data import Problems, as_tokens  # noqa: E402
from trainer.evaluate import evaluate  # noqa: E402
from trainer.lanes import Stack, fresh, generator_for  # noqa: E402
from trainer.machine import way_of  # noqa: E402
from trainer.model import (  # noqa: E402
    Decoder,
    embed,
    embed_by_product,
    initial,
    rope_angles,
)
from trainer.plain import rotate  # noqa: E402
from trainer.protocol import Trial  # noqa: E402

CPU = torch.device("cpu")


def first_weights(config, seed=0):
    return initial(config, generator_for(seed, "weights"))


def new_model(config, *seeds):
    """A model with a lane for each seed."""
    weights = torch.stack([first_weights(config, seed) for seed in seeds])
    return Decoder(config, weights, [config.rope_theta] * len(seeds))


def questions(config, *pairs):
    """Problems without their last token, for one lane."""
    return as_tokens(config.task, pairs)[None, :, :-1]


@pytest.mark.parametrize(
    ("d_model", "depth", "params"),
    [(32, 2, 77_184), (64, 3, 252_800), (192, 4, 1_397_760), (256, 6, 3_175_424)],
)
def test_the_models_have_the_parameter_counts_of_the_seed(d_model, depth, params):
    config = configs.read({"d_model": d_model, "depth": depth})

    assert len(first_weights(config)) == params


def test_rope_turns_each_pair_of_channels_at_its_own_frequency():
    angles = rope_angles(length=5, head_width=8, theta=100.0)

    assert angles.shape == (5, 4)
    assert angles[3].tolist() == pytest.approx([3.0, 3 * 100**-0.25, 0.3, 3 * 100**-0.75])


def test_turning_by_halves_is_turning_whole_heads_with_each_frequency_twice():
    x = torch.randn(3, 5, 2, 8, generator=torch.Generator().manual_seed(0))
    angles = rope_angles(length=5, head_width=8, theta=100.0)
    freqs = torch.cat((angles, angles), dim=-1).unsqueeze(1)
    turned = torch.cat((-x[..., 4:], x[..., :4]), dim=-1)

    by_halves = rotate(x, angles.unsqueeze(1).cos(), angles.unsqueeze(1).sin())

    torch.testing.assert_close(by_halves, x * freqs.cos() + turned * freqs.sin())


def test_attention_scores_depend_on_the_distance_alone():
    angles = rope_angles(length=20, head_width=8, theta=100.0).unsqueeze(1)
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, 8, generator=generator)

    def score(at, seen):
        turned = [
            rotate(x.expand(1, 1, 8), angles[[place]].cos(), angles[[place]].sin())
            for x, place in ((query, at), (key, seen))
        ]
        return (turned[0] * turned[1]).sum().item()

    assert score(7, 4) == pytest.approx(score(3, 0), abs=1e-5)
    assert score(7, 4) == pytest.approx(score(19, 16), abs=1e-5)
    assert score(7, 4) != pytest.approx(score(7, 5), abs=1e-3)


def test_no_position_sees_what_comes_after_it(small):
    config = configs.read(small)
    model = new_model(config, 0)
    tokens = questions(config, (12, 34))
    changed = tokens.clone()
    changed[..., -1] = 9

    before, after = (model(t, tokens.shape[2]) for t in (tokens, changed))

    assert torch.equal(before[:, :, :-1], after[:, :, :-1])
    assert not torch.equal(before[:, :, -1], after[:, :, -1])


@pytest.mark.parametrize("depth", [1, 2])
def test_computing_only_the_scored_positions_gives_the_same_logits(small, depth):
    config = configs.read(small | {"depth": depth})
    model = new_model(config, 0)
    tokens = questions(config, (12, 34), (99, 99), (0, 5))

    everything = model(tokens, tokens.shape[2])

    torch.testing.assert_close(model(tokens, 4), everything[:, :, -4:])


def test_padding_that_is_left_out_changes_no_logit_before_it(small):
    config = configs.read(small)
    padded = configs.read(small | {"digits": 4, "train_size": 2000})
    weights = first_weights(config)[None]
    tokens = questions(config, (12, 34), (99, 99))
    pad = torch.full((1, 2, padded.task.length - config.task.length), 10, dtype=torch.uint8)

    trimmed = Decoder(config, weights, [100.0])(tokens, tokens.shape[2])
    longer = Decoder(padded, weights, [100.0])(torch.cat((tokens, pad), 2), padded.task.length - 1)

    torch.testing.assert_close(trimmed, longer[:, :, : tokens.shape[2]])


def test_lanes_compute_what_each_would_compute_alone_bit_for_bit(small):
    config = configs.read(small)
    tokens = questions(config, (12, 34), (99, 99), (0, 5))
    alone = [new_model(config, seed)(tokens, 4) for seed in (3, 4, 5)]

    together = new_model(config, 3, 4, 5)(tokens.expand(3, -1, -1), 4)

    assert all(torch.equal(lane, one[0]) for lane, one in zip(together, alone, strict=True))


def test_the_seed_decides_the_first_weights_and_nothing_else_does(small):
    def weights(seed, **changes):
        return first_weights(configs.read(small | changes), seed)

    torch.manual_seed(1)
    first = weights(0)
    torch.manual_seed(2)

    assert torch.equal(first, weights(0, learning_rate=1e-3, batch_size=64))
    assert not torch.equal(first, weights(1))


def test_exact_match_under_teacher_forcing_is_that_of_greedy_writing(half_trained):
    config, model, problems = half_trained
    answer = config.task.answer_length

    [forced] = evaluate(model, asked(problems), answer)
    written = problems[:, :-answer]
    with torch.no_grad():
        for _ in range(answer):
            written = torch.cat((written, model(written[None], 1)[0].argmax(-1)), dim=1)
    by_itself = (written == problems).all(-1).double().mean().item()

    assert forced["exact_match"] == by_itself
    assert 0.1 < by_itself < 0.9, "a model that is always or never right shows nothing"


def test_each_metric_is_the_share_over_its_own_rows_alone(half_trained):
    config, model, problems = half_trained
    late = torch.arange(100) >= 70
    answer = config.task.answer_length

    [both] = evaluate(model, asked(problems, exact_match_late=late), answer)
    [alone] = evaluate(model, asked(problems[late]), answer)
    [early] = evaluate(model, asked(problems, exact_match=~late), answer)

    assert both["exact_match_late"] == alone["exact_match"] != both["exact_match"]
    assert early["eval_loss"] == evaluate(model, asked(problems[~late]), answer)[0]["eval_loss"]


def asked(rows, **masks):
    """Held-out problems alone, all of which make up the exact match if no mask says otherwise."""
    every = torch.ones(len(rows), dtype=torch.bool)
    return Problems(rows[:0], rows, {"exact_match": every} | masks, "")


@pytest.fixture(scope="module")
def half_trained():
    """A model of one-digit sums that is right about some of them, and all there are."""
    config = configs.read(
        {"d_model": 16, "depth": 1, "d_ff": 64, "digits": 1, "base": 10, "learning_rate": 1e-2}
        | {"train_size": 80, "eval_size": 20, "batch_size": 80}
    )
    problems = as_tokens(config.task, [(a, b) for a in range(10) for b in range(10)])
    stack = Stack(
        [fresh(Trial("", Path(), 0, {}), config, CPU)], problems[:80], way_of(config, CPU)
    )
    stack.advance(60, lambda: False)
    return config, stack.decoder(stack.lanes), problems


@pytest.mark.parametrize("mixed", [False, True])
def test_a_look_up_by_product_gives_what_a_look_up_gives(mixed):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(13, (2, 5, 7), dtype=torch.uint8, generator=generator)
    weight = torch.randn(2, 13, 8, generator=generator)

    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        found, expected = embed_by_product(tokens, weight), embed(tokens, weight)

    assert found.dtype == expected.dtype == torch.float32
    torch.testing.assert_close(found, expected.bfloat16().float() if mixed else expected)
