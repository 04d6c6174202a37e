"""What a GPU's way promises that can be held without one; torch.cuda is played here."""

import warnings
from contextlib import contextmanager
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402

from tests.trainer.test_training import weights  # noqa: E402
from trainer import calibrate, fused_gpu, machine, model  # noqa: E402
from trainer import config as configs  # noqa: E402
from trainer import train as loop  # noqa: E402
from trainer.lanes import Stack  # noqa: E402
from trainer.machine import way_of  # noqa: E402
from trainer.protocol import Ended, Trial  # noqa: E402

CPU, GPU = torch.device("cpu"), torch.device("cuda")
ASKS_THE_DEVICE = (torch.ops.aten._local_scalar_dense, torch.ops.aten.nonzero)
BEGINNING = "the stream that a process begins with"


class Tape(TorchDispatchMode):
    """Played graph: the operations of a step, done again on the same memory without its Python."""

    def __init__(self, cuda):
        super().__init__()
        self._cuda, self._done = cuda, []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket in ASKS_THE_DEVICE:
            raise RuntimeError("operation not permitted when stream is capturing")
        out = func(*args, **(kwargs or {}))
        self._done.append((func, args, kwargs or {}, out))
        return out

    @torch.no_grad()
    def replay(self):
        self._cuda.replayed_on.append(self._cuda.current)
        for func, args, kwargs, out in self._done:
            again = func(*args, **kwargs)
            for old, new in zip(tree_leaves(out), tree_leaves(again), strict=True):
                if old is not None and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


class Played:
    """As much of torch.cuda as the trainer calls; streams are names."""

    def __init__(self, monkeypatch):
        self.current = BEGINNING
        self.free = 0
        self.recorded_on = []
        self.replayed_on = []
        self._made = 0
        played = {
            "Stream": self.new_stream,
            "stream": self.on,
            "set_stream": lambda stream: setattr(self, "current", stream),
            "current_stream": lambda: self.current,
            "CUDAGraph": lambda: Tape(self),
            "graph": self.recording,
            "mem_get_info": lambda device: (self.free, 0),
        }
        for name, part in played.items():
            monkeypatch.setattr(torch.cuda, name, part)

    def new_stream(self):
        self._made += 1
        return f"stream {self._made}"

    @contextmanager
    def on(self, stream):
        before, self.current = self.current, stream
        yield
        self.current = before

    @contextmanager
    def recording(self, graph, *, stream):
        if stream == BEGINNING:
            raise RuntimeError("CUDA graphs must be captured on a non-default stream.")
        with self.on(stream), graph:
            yield
        self.recorded_on.append(stream)


@pytest.fixture
def cuda(monkeypatch):
    return Played(monkeypatch)


def counting():
    """A step that counts itself in a tensor, and that tensor."""
    done = torch.zeros(1)
    return lambda: done.add_(1), done


def test_a_step_is_recorded_where_it_is_replayed_so_that_no_two_share_scratch_memory(cuda):
    steps = []
    for stream in ("one", "other"):
        with cuda.on(stream):
            step, done = counting()
            steps.append(machine._recorded_at_first(step, [done]))
            steps[-1]()
            assert done.item() == 1, "recording moves nothing"
    with cuda.on("one"):
        steps[0]()

    assert cuda.recorded_on == ["one", "other"]
    assert cuda.replayed_on == ["one", "other", "one"]


def test_a_step_that_cannot_be_recorded_is_taken_plainly_and_said(cuda):
    step, done = counting()
    taken = machine._recorded_at_first(step, [done])

    with pytest.warns(UserWarning, match="plain steps"):
        taken()
    taken()

    assert done.item() == 2


def test_a_step_that_asks_the_device_for_a_number_cannot_be_recorded(cuda):
    rate = torch.ones(1)
    done = torch.zeros(1)
    taken = machine._recorded_at_first(lambda: done.add_(rate.item()), [done])

    with cuda.on("one"), pytest.warns(UserWarning, match="not permitted"):
        taken()


def test_recorded_steps_train_as_plain_ones_bit_for_bit(cuda, tmp_path, small, monkeypatch):
    plain = replace(way_of(configs.read(small), CPU), fused=False)
    ways = {"recorded": replace(plain, graph=True), "plain": plain}
    short = small | {"train_size": 5 * small["batch_size"]}  # a new order every fifth step
    unlike = [
        short,
        short | {"max_steps": 30, "gradient_clip": 0.1, "learning_rate": 3e-3},
        short | {"schedule": "cosine", "warmup_steps": 9, "weight_decay": 0.1},
    ]
    monkeypatch.setattr(loop, "_lanes_at_once", lambda family, device, share: len(family))
    monkeypatch.setattr(model, "embed", model.embed_by_product)
    ended = {}
    for name, way in ways.items():
        monkeypatch.setattr(loop, "way_of", lambda config, device, way=way: way)
        trials = []
        for seed, given in enumerate(unlike):
            folder = tmp_path / name / str(seed)
            folder.mkdir(parents=True)
            trials.append((Trial(str(seed), folder, seed, given), configs.read(given)))
        with cuda.on("a stream of its own"), sdpa_kernel(SDPBackend.MATH):
            loop.train(trials, CPU, lambda event: None, lambda: False)
        ended[name] = [weights(tmp_path / name / str(seed)) for seed in range(3)]

    assert len(cuda.recorded_on) == 2, "once, and again without the lane that has ended"
    assert len(cuda.replayed_on) == 70
    assert ended["recorded"] == ended["plain"]


def test_a_gpu_is_set_up_on_a_stream_that_can_be_recorded(cuda, monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    switches = ("flash", "mem_efficient", "cudnn")
    for switch in switches:
        monkeypatch.setattr(torch.backends.cuda, f"enable_{switch}_sdp", lambda on: None)

    machine.set_up(GPU)

    assert cuda.current != BEGINNING


def way_on_a_gpu(given):
    return machine.way_of(configs.read(given), GPU)


def test_a_gpu_fuses_where_there_is_what_to_make_kernels_with(monkeypatch):
    monkeypatch.setattr(machine, "has_gpu_compiler", lambda: False)
    assert not way_on_a_gpu({}).fused

    monkeypatch.setattr(machine, "has_gpu_compiler", lambda: True)
    assert way_on_a_gpu({}).fused
    assert way_on_a_gpu({}).parts is fused_gpu
    assert not way_on_a_gpu({"compile": "always"}).fused


def test_a_gpu_compiles_a_long_run_only_where_no_fused_kernels_take_it(monkeypatch):
    long, wide = {"max_steps": 10_000_000}, {"d_model": 16384, "heads": 512}
    monkeypatch.setattr(machine, "has_gpu_compiler", lambda: False)
    assert not way_on_a_gpu(long).compiled
    assert way_on_a_gpu(long | {"compile": "always"}).compiled

    monkeypatch.setattr(machine, "has_gpu_compiler", lambda: True)
    assert not way_on_a_gpu(long).compiled
    assert way_on_a_gpu(long | wide).compiled


def test_check_says_what_its_steps_warned_of(monkeypatch):
    real = Stack.advance

    def advance(stack, steps, stop_asked):
        warnings.warn("plain steps, since no CUDA graph could be made: no memory", stacklevel=2)
        real(stack, steps, stop_asked)

    assert calibrate.check()["warnings"] == "none"
    monkeypatch.setattr(Stack, "advance", advance)
    assert "no CUDA graph could be made: no memory" in calibrate.check()["warnings"]


def test_a_gpu_is_timed_on_the_same_shapes_in_larger_batches():
    for given in calibrate.PROBES:
        small, large = (calibrate._probed(given, "float32", one) for one in (CPU, GPU))

        assert large.batch_size == calibrate.GPU_BATCHES * small.batch_size
        assert large.train_size // large.batch_size == small.train_size // small.batch_size
        alone = {"batch_size": small.batch_size, "train_size": small.train_size}
        assert replace(large, **alone) == small


def asked(*given):
    """A trial of each config, none of which is trained."""
    return [(Trial(str(n), None, n, {}), configs.read(one)) for n, one in enumerate(given)]


@pytest.fixture
def flights(cuda, monkeypatch):
    """Starts a request on the GPU and tells, turn by turn, which trials took it."""
    turns = []

    def work(group, device, clock, emit, stop_asked):
        for _ in range(3):
            turns.append((cuda.current, [trial.trial for trial, _ in group]))
            yield

    monkeypatch.setattr(loop, "_train_group", work)
    monkeypatch.setattr(loop, "_possible", lambda asked, device, emit: asked)
    monkeypatch.setattr(loop, "set_up", lambda device: 1)

    def start(trials, lanes, stop_asked=lambda: False):
        """With room for so many lanes of the first trial."""
        cuda.free = 2 * lanes * machine.lane_bytes(trials[0][1])
        events = []
        loop.train(trials, GPU, events.append, stop_asked)
        return turns, events

    return start


def test_shapes_that_the_memory_bears_together_take_turns_each_on_its_own_stream(flights, small):
    trials = asked(small, small, small | {"depth": 2})

    turns, _ = flights(trials, lanes=9)

    assert [lanes for _, lanes in turns] == [["0", "1"], ["2"]] * 3
    assert len({stream for stream, _ in turns}) == 2


@pytest.mark.parametrize("shapes", [1, 12])
def test_lanes_beyond_the_memory_wait_whether_of_one_shape_or_of_many(flights, small, shapes):
    trials = asked(*(small | {"rope_theta": 1.0 + n, "d_ff": 32 - n % shapes} for n in range(12)))

    turns, _ = flights(trials, lanes=4)

    begun, ended = {}, {}
    for turn, (_, lanes) in enumerate(turns):
        for lane in lanes:
            begun.setdefault(lane, turn)
            ended[lane] = turn
    assert begun.keys() == {trial.trial for trial, _ in trials}
    for turn in range(len(turns)):
        flown = [c for trial, c in trials if begun[trial.trial] <= turn <= ended[trial.trial]]
        assert sum(map(machine.lane_bytes, flown)) <= 4 * machine.lane_bytes(trials[0][1])


def test_trials_that_wait_when_a_stop_is_asked_for_are_left(flights, small):
    looks = iter([False, True, True])

    turns, events = flights(asked(small, small), lanes=1, stop_asked=lambda: next(looks))

    assert {lane for _, lanes in turns for lane in lanes} == {"0"}
    [ended] = events
    assert isinstance(ended, Ended)
    assert (ended.trial, ended.outcome) == ("1", "interrupted")
