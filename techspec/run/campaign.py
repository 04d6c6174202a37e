"""The loop: replay the ledger, pick what a verdict asks for, start it, poll, append.

Killed at any moment, the next runner goes on from the ledger; nothing that was appended is lost or
run twice, and nothing is run that no open question asks for.
"""

import os
import shlex
import signal
import threading
import types
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal

from techspec import durable
from techspec.clock import now, seconds_between, text_of
from techspec.errors import TechspecError
from techspec.ledger.events import (
    Ended,
    Event,
    Launched,
    Measured,
    Released,
    RunnerStarted,
    RunnerStopped,
    Started,
    TrainerEvent,
    Voided,
)
from techspec.ledger.folder import CampaignFolder
from techspec.ledger.journal import Append, read, writing
from techspec.ledger.plan_file import load
from techspec.ledger.state import State, fold, take
from techspec.plan.model import Plan, Trial
from techspec.run import output, spending
from techspec.run.locked import Changed, Watch
from techspec.run.pool import Gone, Job, Pool
from techspec.run.pool_local import LocalPool, exit_code, has_gpu, slots_here
from techspec.run.protocol import TrialRequest, event_of, request_text
from techspec.run.trainer_call import TrainerProgram, program
from techspec.verdict.agenda import agenda

STARTS = 3
"""How often one runner starts a trial at most; a crash is tried again with the same seed."""
BATCH_SECONDS = 30.0
"""Short trials share a process up to this forecast: a start costs about as much as some of them."""
_LOOK_EVERY_SECONDS = 0.2
_REFUSED = 2

Why = Literal["complete", "stopped", "budget", "failed"]


def trains_together(plan: Plan) -> bool:
    """Whether the trainer gains by many trials at once: the bundled one does, on a GPU."""
    return plan.trainer is None and plan.device != "cpu" and has_gpu()


def carry_out(folder: CampaignFolder, pool: Pool | None = None) -> RunnerStopped:
    """Run what the plan still lacks, as the campaign's only runner; returns how it was put down.

    Raises:
        LedgerBusy: another runner is at work.
        LedgerDamaged, LedgerFull, PlanDamaged, TrainerNotFound: as their texts say.
    """
    plan = load(folder)
    trainer = program(plan.trainer, folder.project)
    pool = pool or LocalPool(slots_here(plan.device, plan.workers))
    with writing(folder.ledger) as append:
        return _Runner(folder, plan, trainer, pool, append).work()


class CannotStart(TechspecError):
    """The system did not start a trainer's process."""

    def __init__(self, job: Job, error: OSError) -> None:
        super().__init__(
            f"{shlex.join(job.command)} cannot be started: {error.strerror or error}.",
            "mend that, then 'techspec run' again: it goes on where it stopped.",
        )


class _Runner:
    def __init__(
        self,
        folder: CampaignFolder,
        plan: Plan,
        trainer: TrainerProgram,
        pool: Pool,
        append: Append,
    ) -> None:
        self._folder, self._plan, self._trainer, self._pool = folder, plan, trainer, pool
        self._append = append
        self._state: State = fold(read(folder.ledger))
        self._read_up_to: dict[str, int] = {}
        self._crashes: Counter[str] = Counter()
        self._agenda: tuple[Trial, ...] = ()
        self._asked_after = (-1, -1)
        self._locked = Watch(plan.locked, folder.project)
        self._failure = ""
        self._no_room = ""
        self._told_to_stop = False
        self._putting_down: Why | None = None

    def work(self) -> RunnerStopped:
        in_main = threading.current_thread() is threading.main_thread()  # others get no signals
        before = signal.signal(signal.SIGTERM, self._on_term) if in_main else None
        try:
            self._note(RunnerStarted(now(), os.getpid(), self._pool.slots))
            self._take_up_orphans()
            while (why := self._why_stop()) is None:
                self._launch_what_fits()
                self._settle_gone(_LOOK_EVERY_SECONDS)
                self._listen_to_all()
            self._put_down(why)
            stopped = RunnerStopped(now(), why, self._failure or self._no_room)
            self._note(stopped)
            self._folder.stop.unlink(missing_ok=True)
            return stopped
        except BaseException as error:
            for request in self._state.open_requests:
                self._pool.end(request, now=False)
            if isinstance(error, TechspecError):
                with suppress(TechspecError):  # a full disk takes no more events
                    self._note(RunnerStopped(now(), "failed", str(error)))
            raise
        finally:
            if in_main:
                signal.signal(signal.SIGTERM, before)

    def _note(self, event: Event) -> None:
        self._append(event)
        take(self._state, event)

    def _on_term(self, number: int, frame: types.FrameType | None) -> None:
        self._told_to_stop = True

    # What to do next

    def _pending(self) -> list[Trial]:
        """Trials that some open question asks for and that are not at work, in plan order."""
        running = {id for each in self._state.open_requests.values() for id in each.trials}
        return [
            trial
            for trial in self._asked()
            if trial.id not in running and self._crashes[trial.id] < STARTS
        ]

    def _asked(self) -> tuple[Trial, ...]:
        """The agenda, which can change only when a trial has come to its end or was voided."""
        known = self._state.trials.values()
        after = sum(trial.is_final for trial in known), sum(len(trial.voided) for trial in known)
        if self._asked_after != after:
            self._asked_after, self._agenda = after, agenda(self._plan, self._state).trials
        return self._agenda

    def _why_stop(self) -> Why | None:
        running = bool(self._state.open_requests)
        if not running and not self._pending() and not self._failure:
            return "complete"
        if self._failure:
            return "failed"
        if self._told_to_stop or self._folder.stop.exists():
            return "stopped"
        if why := spending.must_end(self._plan.allowance, self._state, now()):
            self._no_room = why
            return "budget"
        return "budget" if self._no_room and not running else None

    def _launch_what_fits(self) -> None:
        # In plan order and no further: a later trial never takes what an earlier one needs.
        while len(self._state.open_requests) < self._pool.slots and not self._failure:
            batch = self._next_batch()
            if not batch:
                return
            reserved = self._reservation(batch)
            if isinstance(reserved, str):
                self._no_room = reserved
                return
            self._no_room = ""
            self._launch(batch, reserved)

    def _reservation(self, trials: list[Trial]) -> float | str:
        pace = spending.pace(self._plan, self._state)
        return spending.reservation(
            trials, self._plan.allowance, self._state, pace, self._pool.slots, now()
        )

    def _next_batch(self) -> list[Trial]:
        pending = self._pending()
        together = trains_together(self._plan)
        # Otherwise so few that all slots end together.
        most = len(pending) if together else max(1, len(pending) // (2 * self._pool.slots))
        if self._plan.allowance.experiments is not None:
            new = self._plan.allowance.experiments - len(self._state.launched_trials)
            most = max(1, min(most, new))
        pace = spending.pace(self._plan, self._state)
        batch = pending[:1]
        for trial in pending[1:most]:
            expected = spending.forecast([*batch, trial], pace)
            if expected is None:
                break
            if not together and (trial.stage != batch[0].stage or expected > BATCH_SECONDS):
                break
            if together and isinstance(self._reservation([*batch, trial]), str):
                break
            batch.append(trial)
        return batch

    # Processes

    def _launch(self, trials: list[Trial], reserved: float) -> None:
        if self._is_unlocked():
            return
        self._put_aside(trials)
        requests = [
            TrialRequest(
                trial=trial.id,
                folder=self._folder.run(trial.id),
                seed=trial.seed,
                config=self._plan.arm(trial.arm).config,
            )
            for trial in trials
        ]
        for request in requests:
            try:
                request.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise durable.CannotWrite(request.folder, error) from error
        text = request_text(requests, self._plan.device)
        durable.write(requests[0].folder / "request.json", text)
        launched = output.launch(self._folder, [trial.id for trial in trials], reserved, now())
        self._note(launched)
        self._read_up_to[launched.request] = launched.offset
        job = self._job(launched)
        try:
            self._pool.start(job)
        except OSError as error:
            raise CannotStart(job, error) from error

    def _job(self, launched: Launched) -> Job:
        folder = self._folder.run(launched.request)
        is_limited = self._plan.allowance.device_seconds is not None
        return Job(
            request=launched.request,
            folder=folder,
            output=output.printed_by(self._folder, launched),
            command=(*self._trainer.command, "run", str(folder / "request.json")),
            place=self._folder.project,
            environment=self._environment(),
            ledger=self._folder.ledger,
            limit_seconds=launched.reserved_seconds if is_limited else None,
        )

    def _environment(self) -> Mapping[str, str]:
        environment = self._trainer.environment
        if self._plan.device == "cpu" or not has_gpu():
            # One thread a process: two threads in one collapse when the cores are busy.
            environment |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        return environment

    def _take_up_orphans(self) -> None:
        for launched in list(self._state.open_requests.values()):
            job = self._job(launched)
            self._read_up_to[launched.request] = launched.offset
            output.take_back(self._folder, launched)
            if self._pool.adopt(job):
                self._listen(launched)
            else:
                gone = Gone(launched.request, exit_code(job))
                self._settle(gone, _last_sign_of_life(job, launched))

    def _settle_gone(self, wait_seconds: float) -> None:
        for gone in self._pool.gone(wait_seconds):
            self._settle(gone, now())

    def _settle(self, gone: Gone, at: str) -> None:
        """Take what a dead process left: its last lines, and what became of each of its trials."""
        launched = self._state.open_requests[gone.request]
        self._listen(launched, to_the_end=True)
        unfinished = [id for id in launched.trials if not self._has_ended(id, launched)]
        if unfinished and gone.exit_code == _REFUSED:
            self._failure = _last_lines(self._job(launched), "the trainer refused the request")
        elif unfinished:
            # It died in the first of them; the others were not begun.
            self._note(self._crash(unfinished[0], launched, gone))
        self._is_unlocked(launched)
        seconds = max(0.0, seconds_between(launched.time, at))
        self._note(Released(now(), gone.request, round(seconds, 3), gone.exit_code))

    def _is_unlocked(self, launched: Launched | None = None) -> bool:
        """Whether a locked file changed, also back and forth since a launch; that ends it all.

        What the launched process did does not count then, however much of it was done before.
        """
        changed = self._locked.changed(launched.time if launched else None)
        touched = [id for id in launched.trials if self._has_begun(id)] if launched else []
        for each in changed:
            request = launched.request if launched else ""
            self._note(Voided(now(), request, tuple(touched), each.path, each.locked, each.found))
            self._failure = self._failure or _unlocked(each, touched)
        return bool(changed)

    def _put_aside(self, trials: list[Trial]) -> None:
        """Give trials whose last run is void an empty folder, so that none goes on from it."""
        for trial in trials:
            voided = len(self._state.trial(trial.id).voided)
            aside = self._folder.run(f"{trial.id}.void-{voided}")
            if voided and not aside.exists() and self._folder.run(trial.id).exists():
                self._folder.run(trial.id).rename(aside)

    def _crash(self, trial: str, launched: Launched, gone: Gone) -> Ended:
        known = self._state.trial(trial)
        step = max(known.measured, default=0)
        seconds = known.measured[step].seconds if step else 0.0
        if self._putting_down == "budget":
            return Ended(now(), trial, "over_budget", step, {}, seconds, self._no_room)
        if gone.exit_code is None or self._putting_down:
            # Killed with its runner, or by us: not the trial's own fault, and not counted as one.
            return Ended(now(), trial, "interrupted", step, {}, seconds, "its process was ended")
        died = "without an 'ended' line, " if gone.exit_code == 0 else ""
        reason = _last_lines(self._job(launched), f"{died}exit code {gone.exit_code}")
        self._crashes[trial] += 1
        first_of_all = not any(known.is_final for known in self._state.trials.values())
        if self._crashes[trial] >= STARTS and first_of_all:
            self._failure = f"{trial} crashed {STARTS} times: {reason}"
        return Ended(now(), trial, "crashed", step, {}, seconds, reason)

    def _put_down(self, why: Why) -> None:
        """End what still runs: ask, wait for the grace, then do it."""
        self._putting_down = why
        for request in self._state.open_requests:
            self._pool.end(request, now=False)
        asked = now()
        while self._state.open_requests:
            if seconds_between(asked, now()) >= spending.GRACE_SECONDS:
                for request in self._state.open_requests:
                    self._pool.end(request, now=True)
            self._settle_gone(_LOOK_EVERY_SECONDS)

    # What they say

    def _listen_to_all(self) -> None:
        for launched in list(self._state.open_requests.values()):
            self._listen(launched)

    def _listen(self, launched: Launched, to_the_end: bool = False) -> None:
        """Take the lines that are whole; of a process that is gone, also an unended last one."""
        start = self._read_up_to[launched.request]
        try:
            with output.printed_by(self._folder, launched).open("rb") as file:
                file.seek(start)
                said = file.read()
        except FileNotFoundError:
            return
        whole = len(said) if to_the_end else said.rfind(b"\n") + 1
        lines = said[:whole].splitlines()
        output.hand_out(self._folder, launched, lines)
        for line in lines:
            event = event_of(line, launched.trials, self._plan.metric, now())
            if event is not None and not self._is_known(event, launched):
                self._note(event)
                self._failure = self._failure or _lacks(event, self._plan)
        self._read_up_to[launched.request] = start + whole

    def _is_known(self, event: TrainerEvent, launched: Launched) -> bool:
        """Whether an earlier runner took this line already, or the trial is final anyway."""
        known = self._state.trial(event.trial)
        match event:
            case _ if known.is_final:
                return True
            case Started():
                return known.started is not None and known.started.time >= launched.time
            case Measured():
                before = known.measured.get(event.step)
                return before is not None and before.metrics == event.metrics
            case Ended():
                return self._has_ended(event.trial, launched)

    def _has_begun(self, trial: str) -> bool:
        known = self._state.trial(trial)
        return bool(known.started or known.measured or known.ended)

    def _has_ended(self, trial: str, launched: Launched) -> bool:
        known = self._state.trial(trial)
        return known.is_final or (known.ended is not None and known.ended.time >= launched.time)


def _unlocked(changed: Changed, trials: list[str]) -> str:
    """What a user is told, and what there is to do."""
    void = f"; what {', '.join(trials)} did meanwhile is void and will run again" if trials else ""
    if changed.found == changed.locked:
        told = f"{changed.path} was touched while trials ran, though it reads as before{void}."
    else:
        told = (
            f"{changed.path} is not as it was when the plan was made{void}. Bring it back, or run"
            " with --amend 'WHY': all trials run again then, and the verdicts say DEVIATED."
        )
    return f"{told} If the trainer writes there, name only what it reads under 'evaluation:'"


def _lacks(event: TrainerEvent, plan: Plan) -> str:
    """Why a result is none; empty if it is one. The next run would cost as much for as little."""
    if not isinstance(event, Ended) or event.outcome not in ("finished", "early_stopped"):
        return ""
    asked = {question.metric for question in plan.questions if question.metric} or {plan.metric}
    if asked & event.metrics.keys():
        return ""
    reported = ", ".join(sorted(event.metrics)) or "no number"
    return (
        f"{event.trial} reported no {' or '.join(sorted(asked))}; it reported: {reported}. Correct "
        "'metric:' under '## Run', or the claims, and run with --amend: what was trained is kept"
    )


def _last_sign_of_life(job: Job, launched: Launched) -> str:
    """The latest moment at which a process that nobody watched is known to have lived."""
    moments = [launched.time]
    for path in (job.output, job.log, job.folder / "alive", job.folder / "exit"):
        if path.exists():
            moments.append(text_of(datetime.fromtimestamp(path.stat().st_mtime, UTC)))
    return max(moments)


def _last_lines(job: Job, otherwise: str) -> str:
    """The end of what a process said to stderr, as the reason of its death."""
    if not job.log.exists():
        return otherwise
    lines = job.log.read_text(errors="replace").strip().splitlines()[-5:]
    return "\n".join([otherwise, *lines]) if lines else otherwise
