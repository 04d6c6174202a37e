"""Trials in, events out: the training loop, top to bottom.

It prints nothing: events go to `emit`. Everything random comes from the trial's seed and a step
number, so a run that was cut anywhere and resumed ends as if it had not been.
"""

import math
import platform
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

import torch

from trainer import checkpoint, data, protocol
from trainer.config import Config
from trainer.evaluate import evaluate
from trainer.lanes import Lane, Stack, fresh, kin, resumed
from trainer.machine import (
    StoppedCompiling,
    Way,
    describe,
    lane_bytes,
    room_for_lanes,
    set_up,
    way_of,
)
from trainer.protocol import Emit, TrainerError, Trial

Asked = tuple[Trial, Config]
StopAsked = Callable[[], bool]

# Losses reported between two evaluations: a curve to look at, and a NaN is met five times earlier.
STEPS_REPORTED_PER_EVAL = 5
# At an evaluation of a lane. On a CPU those are far apart; on a GPU many lanes come to one every
# second or two, and would wait for the disk for longer than they train.
SECONDS_BETWEEN_CHECKPOINTS = {"cpu": 0.0, "cuda": 30.0}
# Stacking is tried out where the try costs less than this share of the work.
TRY_OUT_SHARE = 0.01
# Lanes of a stack on a CPU, at most; more were not tried.
CPU_LANES = 8
TRIED_STEPS = 4


def train(asked: Sequence[Asked], device: torch.device, emit: Emit, stop_asked: StopAsked) -> None:
    """Train each trial to its `ended` event, from its checkpoint if its folder holds one.

    Trials of one shape train as lanes of one model where that is faster. On a CPU one group comes
    after the other; on a GPU as many as its memory bears are in flight, each on its own stream.
    """
    set_up(device)
    clock = _Clock()
    groups = _groups(_possible(asked, device, emit), device)
    at_work = [_train_group(group, device, clock, emit, stop_asked) for group in groups]
    if device.type == "cpu":
        for number, (group, work) in enumerate(zip(groups, at_work, strict=True)):
            if number and stop_asked():
                _leave(group, emit)
            else:
                for _ in work:
                    pass
        return
    waiting, room = deque(zip(groups, at_work, strict=True)), room_for_lanes(device)
    in_flight: list[tuple[list[Asked], Iterator[None], torch.cuda.Stream]] = []
    while waiting or in_flight:
        while waiting and stop_asked():
            _leave(waiting.popleft()[0], emit)
        while waiting and (not in_flight or _group_bytes(waiting[0][0]) <= room):
            group, work = waiting.popleft()
            room -= _group_bytes(group)
            in_flight.append((group, work, torch.cuda.Stream()))  # type: ignore[no-untyped-call]
        for one in list(in_flight):
            group, work, stream = one
            with torch.cuda.stream(stream):
                if next(work, "ended") == "ended":
                    in_flight.remove(one)
                    room += _group_bytes(group)


def _train_group(
    group: Sequence[Asked], device: torch.device, clock: "_Clock", emit: Emit, stop_asked: StopAsked
) -> Iterator[None]:
    """Train trials of one kin; gives way to other groups whenever work is queued on the device."""
    _, config = group[0]
    problems, way = data.problems(config, device), way_of(config, device)
    lanes = [_begin(trial, settings, way, problems.digest, emit) for trial, settings in group]
    going = [lane for lane in lanes if not lane.progress.outcome]
    # Lanes that were cut at different steps do not meet again.
    for _, together in groupby(sorted(going, key=_step), key=_step):
        # Not named here: a name would hold the memory of its first lanes until the last has ended.
        yield from _train_stack(
            Stack(list(together), problems.train, way), problems, way, clock, emit, stop_asked
        )


def _train_stack(
    stack: Stack | None,
    problems: data.Problems,
    way: Way,
    clock: "_Clock",
    emit: Emit,
    stop_asked: StopAsked,
) -> Iterator[None]:
    """The loop: evaluate the lanes that are due, else step to where the next one is."""
    while stack:
        way.enter()
        lanes = stack.lanes
        if due := [lane for lane in lanes if _is_due(lane)]:
            answer_length = stack.config.task.answer_length
            metrics = evaluate(stack.decoder(due), problems, answer_length, stop_asked)
            clock.share(lanes)
            if metrics is None:  # this evaluation is made on resume
                _interrupt(stack, way, emit, "asked to stop in the evaluation at step")
                return
            for lane, told in zip(due, metrics, strict=True):
                _take_evaluation(lane, told, way, emit)
            stack = stack.without([lane for lane in due if lane.progress.outcome])
            continue
        if stop_asked():
            _interrupt(stack, way, emit, "asked to stop after step")
            return

        try:
            stack.advance(min(map(_steps_to_look, lanes)), stop_asked)
        except StoppedCompiling:  # nothing has moved, so there is nothing to save
            _end_short(lanes, "interrupted", "asked to stop while the step was compiled", emit)
            return
        except TrainerError as error:
            _end_short(lanes, "refused", str(error), emit)
            return
        yield
        losses = stack.losses.tolist()  # here the host waits for the device
        clock.share(lanes)
        for lane, loss in zip(lanes, losses, strict=True):
            if lane.progress.step % _report_every(lane.config) == 0:
                _take_loss(lane, loss, emit)
        stack = stack.without([lane for lane in lanes if lane.progress.outcome])


def _begin(trial: Trial, config: Config, way: Way, digest: str, emit: Emit) -> Lane:
    """Make or resume a trial's lane and say so; one that has ended says its end again."""
    identity = _identity(trial, config, way)
    saved = checkpoint.read(trial.folder, identity)
    lane = resumed(trial, config, way.device, saved) if saved else fresh(trial, config, way.device)
    emit(
        protocol.Started(
            trial=trial.trial,
            config=asdict(config),
            params=len(lane.weights),
            device=describe(way.device),
            versions={"python": platform.python_version(), "torch": str(torch.__version__)},
            code=identity["code"],
            data=digest,
            resumed_step=lane.progress.step,
        )
    )
    if lane.progress.outcome:
        _say_end(lane, emit)
    return lane


def _take_evaluation(lane: Lane, metrics: dict[str, float], way: Way, emit: Emit) -> None:
    """Note an evaluation, end the lane if it was the last one, and save it where that is due."""
    progress, config = lane.progress, lane.config
    if not math.isfinite(metrics["eval_loss"]):
        _diverge(lane, f"the evaluation loss at step {progress.step} is not finite", emit)
        return
    emit(protocol.Eval(lane.trial.trial, progress.step, metrics, progress.seconds))
    progress.metrics, progress.evaluated_step = metrics, progress.step
    progress.eval_losses.append(metrics["eval_loss"])
    if progress.step == config.max_steps:
        progress.outcome, progress.reason = "finished", f"all {progress.step} steps are done"
    elif config.early_stopping and plateaued(
        progress.eval_losses, config.patience, config.min_improvement
    ):
        progress.outcome = "early_stopped"
        progress.reason = f"{config.patience} evaluations without improvement"
    every = SECONDS_BETWEEN_CHECKPOINTS[way.device.type]
    if progress.outcome or time.perf_counter() - lane.saved_at >= every:
        _save(lane, way, emit)
    if progress.outcome:
        _say_end(lane, emit)


def _take_loss(lane: Lane, loss: float, emit: Emit) -> None:
    progress = lane.progress
    if math.isfinite(loss):
        emit(protocol.Step(lane.trial.trial, progress.step, loss, progress.seconds))
    else:
        _diverge(lane, f"the training loss at step {progress.step} is {loss}", emit)


def _diverge(lane: Lane, reason: str, emit: Emit) -> None:
    lane.progress.outcome = "diverged"
    _end_short([lane], "diverged", reason, emit)


def _interrupt(stack: Stack, way: Way, emit: Emit, reason: str) -> None:
    for lane in stack.lanes:
        _save(lane, way, emit)
        _end_short([lane], "interrupted", f"{reason} {lane.progress.step}", emit)


def _end_short(lanes: Sequence[Lane], outcome: protocol.Outcome, reason: str, emit: Emit) -> None:
    """Say the end of lanes that have no metrics of their final weights."""
    for lane in lanes:
        step, seconds = lane.progress.step, lane.progress.seconds
        emit(protocol.Ended(lane.trial.trial, outcome, step, seconds, reason))


def _leave(group: Sequence[Asked], emit: Emit) -> None:
    for trial, _ in group:
        reason = "asked to stop before it was started"
        emit(protocol.Ended(trial.trial, "interrupted", 0, 0.0, reason))


def _say_end(lane: Lane, emit: Emit) -> None:
    done = lane.progress
    assert done.outcome
    ended = (done.outcome, done.step, done.seconds, done.reason, done.metrics)
    emit(protocol.Ended(lane.trial.trial, *ended))


def _save(lane: Lane, way: Way, emit: Emit) -> None:
    identity = _identity(lane.trial, lane.config, way)
    state = lane.state() | {"identity": identity, "progress": asdict(lane.progress)}
    path = checkpoint.write(lane.trial.folder, state)
    lane.saved_at = time.perf_counter()
    emit(protocol.Checkpoint(lane.trial.trial, lane.progress.step, str(path)))


def _identity(trial: Trial, config: Config, way: Way) -> dict[str, Any]:
    """Collect all that decides a trial's numbers; a checkpoint of another is passed over."""
    return {
        "config": asdict(config),
        "seed": trial.seed,
        "code": protocol.code_digest(),
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        **way.identity,
    }


def _is_due(lane: Lane) -> bool:
    step, config = lane.progress.step, lane.config
    at_look = step % config.eval_every == 0 or step == config.max_steps
    return at_look and step > lane.progress.evaluated_step


def _steps_to_look(lane: Lane) -> int:
    """Steps until this lane reports its loss, is evaluated or ends."""
    step, config = lane.progress.step, lane.config
    every = (_report_every(config), config.eval_every)
    return min(config.max_steps - step, *(each - step % each for each in every))


def _report_every(config: Config) -> int:
    return max(1, config.eval_every // STEPS_REPORTED_PER_EVAL)


def _step(lane: Lane) -> int:
    return lane.progress.step


def _possible(asked: Sequence[Asked], device: torch.device, emit: Emit) -> Iterator[Asked]:
    """Refuse the trials that this machine cannot train; the others follow."""
    for trial, config in asked:
        try:
            way_of(config, device)
        except TrainerError as error:
            emit(protocol.Ended(trial.trial, "refused", 0, 0.0, str(error)))
        else:
            yield trial, config


def _groups(asked: Iterable[Asked], device: torch.device) -> list[list[Asked]]:
    """Which trials train as one: those of one kin, as many as the device bears and as pays."""
    families: dict[Config, list[Asked]] = {}
    for trial, config in asked:
        families.setdefault(kin(config), []).append((trial, config))
    share = 1.0
    if device.type == "cuda" and families:
        share = room_for_lanes(device) / sum(map(_group_bytes, families.values()))
    groups = []
    for family in families.values():
        most = _lanes_at_once(family, device, share)
        groups += [family[start : start + most] for start in range(0, len(family), most)]
    return groups


def _group_bytes(group: Sequence[Asked]) -> int:
    return sum(lane_bytes(config) for _, config in group)


def _lanes_at_once(family: Sequence[Asked], device: torch.device, share: float) -> int:
    """How many of a family to stack.

    On a GPU all, or the share of all families that its memory bears. On a CPU one or several,
    whichever a short try finds faster.

    What is tried is thrown away, and a lane's numbers do not depend on the answer.
    """
    _, config = family[0]
    if device.type == "cuda":
        return max(1, int(len(family) * min(1.0, share)))
    several = min(len(family), CPU_LANES)
    way = way_of(config, device)
    steps = sum(config.max_steps for _, config in family)
    if several == 1 or way.compiled or TRIED_STEPS * (several + 1) > TRY_OUT_SHARE * steps:
        return 1
    problems = data.problems(config, device).train
    seconds = []
    for count in (1, several):
        stack = Stack([fresh(*one, device) for one in family[:count]], problems, way)
        taken = []
        for _ in range(TRIED_STEPS):
            begun = time.perf_counter()
            stack.advance(1, lambda: False)
            taken.append(time.perf_counter() - begun)
        seconds.append(min(taken[1:]) / count)
    return several if seconds[1] < seconds[0] else 1


def plateaued(losses: Sequence[float], patience: int, min_improvement: float) -> bool:
    """Say whether the last `patience` evaluations all failed to improve on the best before.

    To improve is to fall below best * (1 - min_improvement), and makes a new best; with 0, to fall
    at all.

    >>> plateaued([2.0, 1.0, 1.0, 1.1, 1.0], patience=3, min_improvement=0)
    True
    """
    best, waited = losses[0], 0
    for loss in losses[1:]:
        if loss < best * (1 - min_improvement):
            best, waited = loss, 0
        else:
            waited += 1
    return waited >= patience


class _Clock:
    """Shares out the seconds of this process among the trials that it trains."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def share(self, lanes: Sequence[Lane]) -> None:
        """Give what has passed since the last call to these lanes, in equal parts."""
        now = time.perf_counter()
        for lane in lanes:
            lane.progress.seconds += (now - self._last) / len(lanes)
        self._last = now
