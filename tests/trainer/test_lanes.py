"""Trials that train as one: each ends with what it would have had alone."""

import gc
import io
import json
import signal
import weakref

import pytest

torch = pytest.importorskip("torch")

from tests.trainer.test_training import of_kind, weights  # noqa: E402
from trainer import config as configs  # noqa: E402
from trainer import train as loop  # noqa: E402
from trainer.lanes import Stack, fresh  # noqa: E402
from trainer.machine import has_cpp_compiler, way_of  # noqa: E402
from trainer.protocol import Ended, Eval, Started, Step, Trial  # noqa: E402

CPU = torch.device("cpu")


def by_chance():
    """Problems of no meaning, the same each time."""
    return torch.randint(
        13, (2000, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


@pytest.fixture
def stacked(monkeypatch):
    """Lets every family train as one stack, whatever is faster here."""
    monkeypatch.setattr(loop, "_lanes_at_once", lambda family, device, share: len(family))


@pytest.fixture
def unlike(small):
    """Configs that may share a stack and differ in all that lanes may differ in."""
    return [
        small,
        small | {"learning_rate": 3e-3, "rope_theta": 1000.0, "schedule": "cosine"},
        small | {"max_steps": 30, "eval_every": 7, "gradient_clip": 0.1, "weight_decay": 0.1},
        small | {"early_stopping": True, "patience": 1, "min_improvement": 1.0, "warmup_steps": 9},
    ]


def trained(folder, *given, stop_asked=lambda: False):
    """Events of one start that holds a trial for each config, at seeds 0, 1, 2, ..."""
    events, asked = [], []
    for seed, config in enumerate(given):
        place = folder / str(seed)
        place.mkdir(parents=True, exist_ok=True)
        asked.append((Trial(str(seed), place, seed, config), configs.read(config)))
    loop.train(asked, CPU, events.append, stop_asked)
    return events


def story(events, trial):
    """What was said of a trial but for seconds and folders."""
    kinds = (Eval, Step, Ended)
    mine = [e for e in events if e.trial == trial and isinstance(e, kinds)]
    return [(e.event, e.step, getattr(e, "metrics", None), getattr(e, "loss", None)) for e in mine]


def test_lanes_of_one_stack_end_as_alone_bit_for_bit(tmp_path, unlike, monkeypatch, stacked):
    sizes = []
    real = Stack.__init__
    monkeypatch.setattr(
        Stack, "__init__", lambda *args: (sizes.append(len(args[1])), real(*args))[1]
    )
    together = trained(tmp_path / "together", *unlike)
    monkeypatch.setattr(loop, "_lanes_at_once", lambda family, device, share: 1)
    apart = trained(tmp_path / "apart", *unlike)

    assert sizes == [4, 3, 2] + [1] * 4, "the gap of a lane that has ended is closed"
    for seed in range(4):
        assert story(together, str(seed)) == story(apart, str(seed))
        one, other = (weights(tmp_path / name / str(seed)) for name in ("together", "apart"))
        assert one == other


def test_a_stack_that_is_cut_again_and_again_ends_as_one_that_never_was(tmp_path, unlike, stacked):
    whole = trained(tmp_path / "whole", *unlike)
    looked = 0

    def now_and_then():
        nonlocal looked
        looked += 1
        return looked % 17 == 0

    ended = {}
    for _ in range(100):
        events = trained(tmp_path / "cut", *unlike, stop_asked=now_and_then)
        ended |= {e.trial: e for e in of_kind(events, Ended)}
        if len(ended) == 4 and all(e.outcome != "interrupted" for e in ended.values()):
            break

    assert len(of_kind(events, Started)) == 4
    for end in of_kind(whole, Ended):
        assert ended[end.trial].metrics == end.metrics
        cut, uncut = (weights(tmp_path / name / end.trial) for name in ("cut", "whole"))
        assert cut == uncut


def test_a_lane_that_diverges_leaves_its_neighbours_as_they_were(tmp_path, small, stacked):
    wild = small | {"learning_rate": 1e30}

    events = trained(tmp_path / "a", small, wild, small)

    ended = {e.trial: e for e in of_kind(events, Ended)}
    assert ended["1"].outcome == "diverged"
    assert story(events, "0") == story(trained(tmp_path / "b", small), "0")
    assert ended["2"].outcome == "finished"


def test_trials_of_other_shapes_or_data_never_share_a_stack(small, stacked):
    kin = [small, small | {"learning_rate": 1e-3}]
    others = [small | change for change in ({"d_ff": 64}, {"train_size": 1000}, {"base": 100})]
    asked = [(Trial("", None, 0, {}), configs.read(given)) for given in kin + others]

    families = loop._groups(asked, CPU)

    assert [len(family) for family in families] == [2, 1, 1, 1]
    for family in families:
        assert len({config.d_ff for _, config in family}) == 1
        assert len({(config.train_size, config.base) for _, config in family}) == 1


def test_a_checkpoint_of_a_lane_holds_no_other_lane(tmp_path, small, stacked):
    trained(tmp_path / "together", small, small, small)
    trained(tmp_path / "alone", small)

    sizes = [
        (tmp_path / name / "0" / "checkpoint.pt").stat().st_size for name in ("together", "alone")
    ]

    assert abs(sizes[0] - sizes[1]) < 200  # the digits of the seconds


def test_a_stack_gives_its_memory_back_as_soon_as_a_lane_ends(
    tmp_path, small, monkeypatch, stacked
):
    alive, most = weakref.WeakSet(), []
    made, stepped = Stack.__init__, Stack.advance
    monkeypatch.setattr(Stack, "__init__", lambda *given: (alive.add(given[0]), made(*given))[1])
    monkeypatch.setattr(Stack, "advance", lambda *given: (most.append(len(alive)), stepped(*given)))
    gc.disable()  # a stack that waits for it holds its graph's memory
    try:
        trained(tmp_path, *(small | {"max_steps": steps} for steps in (10, 20, 30)))
    finally:
        gc.enable()

    assert set(most) == {1}


def test_a_lane_that_has_ended_keeps_its_own_numbers_and_no_memory_of_others(small):
    config = configs.read(small)
    lanes = [fresh(Trial("", None, seed, {}), config, CPU) for seed in range(3)]
    stack = Stack(lanes, by_chance(), way_of(config, CPU))
    stack.advance(1, lambda: False)
    before = [lane.weights.clone() for lane in lanes]
    left = stack.without(lanes[:1])
    held = [lane.weights.untyped_storage().nbytes() for lane in lanes]
    left.advance(1, lambda: False)

    assert held == [before[0].nbytes, 2 * before[0].nbytes, 2 * before[0].nbytes]
    assert [torch.equal(lane.weights, old) for lane, old in zip(lanes, before, strict=True)] == [
        True,
        False,
        False,
    ]


def test_a_precision_that_the_machine_lacks_is_refused_and_the_others_train(tmp_path, small):
    events = trained(tmp_path, small | {"precision": "tf32"}, small)

    ended = {e.trial: e for e in of_kind(events, Ended)}
    assert ended["0"].outcome == "refused"
    assert "precision=tf32" in ended["0"].reason
    assert "float32" in ended["0"].reason
    assert ended["1"].outcome == "finished"


def test_bfloat16_is_refused_with_its_slowdown_where_it_is_slow(tmp_path, small, monkeypatch):
    monkeypatch.setattr("trainer.machine.bfloat16_slowdown", lambda device: 300.0)

    [ended] = of_kind(trained(tmp_path, small | {"precision": "bfloat16"}), Ended)

    assert ended.outcome == "refused"
    assert "300.0 times slower" in ended.reason


def test_bfloat16_products_leave_the_weights_in_float32(tmp_path, small, monkeypatch):
    monkeypatch.setattr("trainer.machine.bfloat16_slowdown", lambda device: 1.0)

    events = trained(tmp_path / "b", small | {"precision": "bfloat16"})
    exact = trained(tmp_path / "f", small)

    losses = [of_kind(each, Step)[-1].loss for each in (events, exact)]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
    saved = torch.load(_body(tmp_path / "b" / "0" / "checkpoint.pt"), weights_only=True)
    assert {tensor.dtype for tensor in saved["model"].values()} == {torch.float32}


def test_only_a_long_run_without_fused_kernels_is_compiled_by_itself(small, monkeypatch):
    monkeypatch.setattr("trainer.machine.has_cpp_compiler", lambda: True)
    long = {"max_steps": 10_000, "d_model": 64, "depth": 3}

    def compiled(given):
        return way_of(configs.read(given), CPU).compiled

    assert not compiled(long)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert not compiled(small)
    assert compiled(small | {"compile": "always"})
    assert compiled(long)
    assert not compiled(long | {"compile": "never"})
    monkeypatch.setattr("trainer.machine.has_cpp_compiler", lambda: False)
    assert not compiled(long)


@pytest.mark.skipif(not has_cpp_compiler(), reason="there is no C++ compiler here")
def test_a_compiled_step_moves_the_weights_as_the_plain_one_does(tmp_path, small):
    problems = by_chance()
    after = []
    for compile in ("never", "always"):
        config = configs.read(small | {"compile": compile, "gradient_clip": 1.0})
        lane = fresh(Trial("", tmp_path, 0, {}), config, CPU)
        stack = Stack([lane], problems, way_of(config, CPU))
        stack.advance(3, lambda: False)
        after.append(lane.weights)

    torch.testing.assert_close(after[0], after[1], rtol=1e-4, atol=1e-5)


def test_every_stack_of_a_request_is_compiled_however_many_there_are(small, monkeypatch):
    real = torch.compile  # its front half is what counts; the back half takes a minute
    monkeypatch.setattr(torch, "compile", lambda f, **how: real(f, backend="eager", **how))
    config = configs.read(small | {"compile": "always"})
    problems = by_chance()

    for lanes in range(1, 11):
        trials = [fresh(Trial("", None, seed, {}), config, CPU) for seed in range(lanes)]
        stack = Stack(trials, problems, way_of(config, CPU))
        stack.advance(1, lambda: False)

        assert stack.losses.isfinite().all()


@pytest.mark.skipif(not has_cpp_compiler(), reason="there is no C++ compiler here")
def test_a_sigterm_ends_the_compiling_where_it_is(tmp_path, request_for, start, small, monkeypatch):
    cache = tmp_path / "compiled"
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(cache))
    process = start("run", request_for(small | {"compile": "always"}))
    assert json.loads(process.stdout.readline())["event"] == "started"
    while not any(cache.rglob("*.cpp")):  # the compiler has not come to its first file
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=100)
    ended = json.loads(out.splitlines()[-1])

    assert process.returncode == 0
    assert (ended["outcome"], ended["step"]) == ("interrupted", 0)
    assert "compiled" in ended["reason"]


def _body(path):
    return io.BytesIO(path.read_bytes()[32:])
