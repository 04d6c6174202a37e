"""What a GPU's way promises that can be held without one; torch.cuda is played here."""

from contextlib import contextmanager

import pytest

torch = pytest.importorskip("torch")

from trainer import machine  # noqa: E402

BEGINNING = "the stream that a process begins with"


class Played:
    """As much of torch.cuda as the trainer calls: streams are names, and a graph only counts."""

    def __init__(self, monkeypatch):
        self.current = BEGINNING
        self.recorded_on = []
        self.replayed_on = []
        self._made = 0
        played = {
            "Stream": self.new_stream,
            "stream": self.on,
            "set_stream": lambda stream: setattr(self, "current", stream),
            "current_stream": lambda: self.current,
            "CUDAGraph": lambda: self,
            "graph": self.recording,
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
        with self.on(stream):
            yield
        self.recorded_on.append(stream)

    def replay(self):
        self.replayed_on.append(self.current)


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
            assert done.item() == 0, "recording moves nothing"
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


def test_a_gpu_is_set_up_on_a_stream_that_can_be_recorded(cuda, monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    switches = ("flash", "mem_efficient", "cudnn")
    for switch in switches:
        monkeypatch.setattr(torch.backends.cuda, f"enable_{switch}_sdp", lambda on: None)

    machine.set_up(torch.device("cuda"))

    assert cuda.current != BEGINNING
