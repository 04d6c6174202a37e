"""The decoder's size, its positions, and that what it leaves out changes nothing."""

import pytest

torch = pytest.importorskip("torch")

from trainer import config as configs  # noqa: E402
from trainer.data import Problems, as_tokens  # noqa: E402
from trainer.evaluate import evaluate  # noqa: E402
from trainer.model import rope_angles, rotate  # noqa: E402
from trainer.train import new_model, new_optimizer, train_step  # noqa: E402

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("d_model", "depth", "params"),
    [(32, 2, 77_184), (64, 3, 252_800), (192, 4, 1_397_760), (256, 6, 3_175_424)],
)
def test_the_models_have_the_parameter_counts_of_the_seed(d_model, depth, params):
    model = new_model(configs.read({"d_model": d_model, "depth": depth}), 0, CPU)

    assert sum(weight.numel() for weight in model.parameters()) == params


def test_rope_has_each_frequency_twice_and_as_many_channels_as_a_head():
    angles = rope_angles(length=5, head_width=8, theta=100.0)

    assert angles.shape == (5, 8)
    assert torch.equal(angles[:, :4], angles[:, 4:])
    assert angles[3].tolist()[:4] == pytest.approx([3.0, 3 * 100**-0.25, 0.3, 3 * 100**-0.75])


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
    model = new_model(config, 0, CPU)
    tokens = as_tokens(config.task, [(12, 34)])[:, :-1].long()
    changed = tokens.clone()
    changed[0, -1] = 9

    before, after = (model(t, tokens.shape[1]) for t in (tokens, changed))

    assert torch.equal(before[:, :-1], after[:, :-1])
    assert not torch.equal(before[:, -1], after[:, -1])


@pytest.mark.parametrize("depth", [1, 2])
def test_computing_only_the_scored_positions_gives_the_same_logits(small, depth):
    config = configs.read(small | {"depth": depth})
    model = new_model(config, 0, CPU)
    tokens = as_tokens(config.task, [(12, 34), (99, 99), (0, 5)])[:, :-1].long()

    everything = model(tokens, tokens.shape[1])

    torch.testing.assert_close(model(tokens, 4), everything[:, -4:])


def test_the_seed_decides_the_first_weights_and_nothing_else_does(small):
    def weights(seed, **changes):
        return new_model(configs.read(small | changes), seed, CPU).embedding.weight

    torch.manual_seed(1)
    first = weights(0)
    torch.manual_seed(2)

    assert torch.equal(first, weights(0, learning_rate=1e-3, batch_size=64))
    assert not torch.equal(first, weights(1))


def test_exact_match_under_teacher_forcing_is_that_of_greedy_writing(half_trained):
    config, model, problems = half_trained
    answer = config.task.answer_length

    forced = evaluate(model, asked(problems), answer)
    written = problems[:, :-answer]
    with torch.no_grad():
        for _ in range(answer):
            written = torch.cat((written, model(written, 1).argmax(-1)), dim=1)
    by_itself = (written == problems).all(-1).double().mean().item()

    assert forced["exact_match"] == by_itself
    assert 0.1 < by_itself < 0.9, "a model that is always or never right shows nothing"


def test_each_metric_is_the_share_over_its_own_rows_alone(half_trained):
    config, model, problems = half_trained
    late = torch.arange(100) >= 70
    answer = config.task.answer_length

    both = evaluate(model, asked(problems, exact_match_late=late), answer)
    alone = evaluate(model, asked(problems[late]), answer)
    early = evaluate(model, asked(problems, exact_match=~late), answer)

    assert both["exact_match_late"] == alone["exact_match"] != both["exact_match"]
    assert early["eval_loss"] == evaluate(model, asked(problems[~late]), answer)["eval_loss"]


def asked(rows, **masks):
    """Held-out problems alone, all of which make up the exact match if no mask says otherwise."""
    every = torch.ones(len(rows), dtype=torch.bool)
    return Problems(rows[:0], rows, {"exact_match": every} | masks, "")


@pytest.fixture(scope="module")
def half_trained():
    """A model of one-digit sums that is right about some of them, and all there are."""
    torch.set_num_threads(1)
    config = configs.read(
        {"d_model": 16, "depth": 1, "d_ff": 64, "digits": 1, "base": 10, "learning_rate": 1e-2}
        | {"train_size": 80, "eval_size": 20, "batch_size": 80}
    )
    problems = as_tokens(config.task, [(a, b) for a in range(10) for b in range(10)]).long()
    model = new_model(config, 0, CPU)
    optimizer = new_optimizer(config, model)
    for step in range(60):
        train_step(model, optimizer, problems[:80], config, step)
    return config, model, problems
