"""What a spec may set, and that what is wrong with it is said at once and can be put right."""

import re

import pytest

from trainer.addition import split
from trainer.config import Config, parameters, read
from trainer.protocol import TrainerError


def test_an_empty_config_is_the_seeds_upper_baseline():
    config = read({})

    assert (config.d_model, config.depth, config.batch_size) == (256, 6, 512)
    assert (config.learning_rate, config.max_steps, config.eval_every) == (1e-4, 10_000, 500)
    assert (config.early_stopping, config.patience, config.rope_theta) == (True, 3, 100)
    assert (config.train_size, config.eval_size, config.max_tokens) == (100_000, 10_000, 32)


def test_derived_widths_are_settled():
    assert (read({"d_model": 64}).d_proj, read({"d_model": 64}).heads) == (64, 4)
    assert read({"d_model": 64, "d_proj": None}) == read({"d_model": 64, "d_proj": 0})
    assert read({"d_model": 256}).head_width == 32
    assert read({"d_model": 6}).head_width % 2 == 0


def test_a_whole_number_serves_as_a_float_and_is_one_then():
    assert isinstance(read({"rope_theta": 10}).rope_theta, float)


def test_all_mistakes_are_said_at_once_each_with_its_value_and_a_way_out():
    given = {"lerning_rate": 1, "depth": 0, "base": 16, "d_ff": "512", "early_stopping": 1}

    with pytest.raises(TrainerError) as refused:
        read(given | {"digits": 1, "d_model": True, "gradient_clip": float("nan")})

    for word in ["learning_rate", "depth=0", "base=16", "'512'", "early_stopping=1"]:
        assert word in str(refused.value)
    for word in ["train_size=90", "d_model=True", "gradient_clip=nan"]:
        assert word in str(refused.value)
    assert len(str(refused.value).splitlines()) == 8


@pytest.mark.parametrize(
    "given",
    [
        {"d_model": 7},
        {"d_model": 36, "heads": 4},
        {"d_model": 12, "heads": 4},
        {"d_proj": 30, "heads": 4},
        {"digits": 9, "base": 10},
        {"digits": 18, "base": 10},
        {"batch_size": 200_000},
        {"warmup_steps": 10_000},
        {"max_tokens": 10},
    ],
)
def test_the_way_out_of_an_impossible_combination_leads_out(given):
    with pytest.raises(TrainerError) as refused:
        read(given)

    name, value = re.findall(r"take (\w+)=(\d+)", refused.value.mistakes[0].fix)[0]
    assert read(given | {name: int(value)})


@pytest.mark.parametrize("given", [{"digits": 2}, {"digits": 1, "sampling": "balanced"}])
def test_too_few_pairs_are_refused_with_sizes_that_fit(given):
    with pytest.raises(TrainerError) as refused:
        read(given)

    sizes = dict(re.findall(r"(\w+_size)=(\d+)", refused.value.mistakes[0].fix))
    sizes = {name: int(size) for name, size in sizes.items()}
    config = read(given | sizes | {"batch_size": 1})
    pairs = split(config.task, config.train_size, config.eval_size, config.sampling)
    assert [len(drawn) for drawn in pairs] == list(sizes.values())


def test_a_combination_is_not_judged_by_a_value_that_was_refused():
    with pytest.raises(TrainerError) as refused:
        read({"digits": "two", "train_size": 10**6})

    assert "pairs" not in str(refused.value)


def test_every_parameter_is_told_with_type_default_and_meaning():
    told = parameters()

    assert told.keys() == set(Config.__dataclass_fields__)
    assert all({"type", "default", "help"} <= parameter.keys() for parameter in told.values())
    assert told["base"]["choices"] == (10, 100)
