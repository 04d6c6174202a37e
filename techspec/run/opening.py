"""How a campaign begins, is amended, set to work and put down. The work is done by campaign.py."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from techspec import durable
from techspec.clock import now
from techspec.errors import TechspecError
from techspec.ledger import folder as folders
from techspec.ledger.events import Amended, Opened, RunnerStarted
from techspec.ledger.folder import CampaignFolder
from techspec.ledger.journal import LedgerBusy, is_held, read, writing
from techspec.ledger.plan_file import PlanDamaged, load, load_unchecked, save
from techspec.ledger.state import State, fold
from techspec.plan.model import Plan
from techspec.records import encode
from techspec.run.campaign import carry_out
from techspec.run.spending import GRACE_SECONDS
from techspec.run.trainer_call import program

_PATIENCE_SECONDS = 60.0


class NothingToRun(TechspecError):
    """The plan has no trials."""

    def __init__(self, plan: Plan) -> None:
        reasons = [f"{left.arm}: {left.reason}" for left in plan.left_out[:3]]
        reasons += [dropped.reason for dropped in plan.dropped[:1]]
        super().__init__(
            "The plan holds no trial" + (": " + "; ".join(reasons) if reasons else "") + ".",
            "see 'techspec plan' and 'techspec lint' for what the spec lacks.",
        )


class PlanChanged(TechspecError):
    """The spec was edited after the first launch."""

    def __init__(self, changes: Sequence[str]) -> None:
        super().__init__(
            "The plan has changed since the first launch: " + "; ".join(changes) + ".",
            "undo the edit, or run with --amend 'WHY': the reason is recorded, and the verdicts "
            "say DEVIATED.",
        )


class RunnerFailed(TechspecError):
    """The detached runner did not come up."""

    def __init__(self, said: str) -> None:
        super().__init__(f"The runner ended at once: {said.strip()}", "mend that, then run again.")


def freeze(spec: Path, plan: Plan, reason: str | None = None) -> CampaignFolder:
    """Open the campaign of this spec with this plan, or find it open with the same one.

    Args:
        spec: path of the spec; the campaign lies beside it.
        plan: what was built from it.
        reason: why the plan may replace the one that trials were launched under.

    Raises:
        NothingToRun, PlanChanged, LedgerBusy, LedgerDamaged, CannotWrite: as their texts say.
    """
    if not plan.trials:
        raise NothingToRun(plan)
    folder = folders.of_spec(spec)
    _wait_out_a_stop(folder)
    with writing(folder.ledger) as append:
        state = fold(read(folder.ledger))
        if state.plan == plan.hash and _is_on_disk(folder, plan.hash):
            return folder
        if state.plan != plan.hash and _has_results(state):
            changes = _changes(folder, state.plan, plan)
            if changes and not (reason or "").strip():
                raise PlanChanged(changes)
            _keep_old(folder, state.plan)
            save(folder, plan)
            if changes:
                append(Amended(now(), plan.hash, reason or "", changes))
            else:  # a better title, a comment: nothing that a verdict rests on
                append(Opened(now(), plan.hash, spec.name))
        else:
            save(folder, plan)
            if state.plan != plan.hash:
                append(Opened(now(), plan.hash, spec.name))
    return folder


def _has_results(state: State) -> bool:
    """Whether anything was measured: before that nobody can have been swayed by it."""
    return any(known.measured or known.ended for known in state.trials.values())


def start(folder: CampaignFolder) -> int:
    """Set a detached runner to work; returns its process id once it holds the campaign.

    Raises:
        LedgerBusy: one is at work already.
        NoTorch: the plan is for the bundled trainer, whose Python lacks it.
        RunnerFailed: it ended at once; carries what it said.
    """
    if is_held(folder.ledger):
        raise LedgerBusy(folder.ledger)
    program(load(folder).trainer, folder.project).must_have_torch()
    folder.stop.unlink(missing_ok=True)
    environment = dict(os.environ)
    package_home = str(Path(__file__).resolve().parents[2])
    paths = [package_home, environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    lines_before = _lines(folder)
    with folder.runner_log.open("ab") as log:
        said_before = log.tell()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "techspec.run", str(folder.path)],
            cwd=folder.project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        ended = process.poll()
        if _has_begun(folder, process.pid, lines_before):
            return process.pid
        if ended is not None:
            said = folder.runner_log.read_bytes()[said_before:].decode(errors="replace")
            raise RunnerFailed(said or f"exit code {ended}")
        time.sleep(0.05)
    raise RunnerFailed("it did not take the campaign up within a minute")


def ask_to_stop(folder: CampaignFolder) -> bool:
    """Ask the runner to end its trials at their next checkpoint; False if none is at work.

    Trials that outlived a killed runner are ended too: a runner takes them up for just that.
    """
    durable.write(folder.stop, now() + "\n")
    if is_held(folder.ledger):
        return True
    if fold(read(folder.ledger)).open_requests:
        carry_out(folder)
        return True
    folder.stop.unlink(missing_ok=True)
    return False


def _wait_out_a_stop(folder: CampaignFolder) -> None:
    """Wait for a runner that was asked to stop: its trials have a grace to write a checkpoint."""
    until = time.monotonic() + 2 * GRACE_SECONDS
    while folder.stop.exists() and is_held(folder.ledger) and time.monotonic() < until:
        time.sleep(0.05)


def _lines(folder: CampaignFolder) -> int:
    return sum(1 for _ in read(folder.ledger))


def _has_begun(folder: CampaignFolder, pid: int, lines_before: int) -> bool:
    """Whether the ledger has grown by this runner's start; process ids come again."""
    new = list(read(folder.ledger))[lines_before:]
    return any(isinstance(event, RunnerStarted) and event.pid == pid for event in new)


def _is_on_disk(folder: CampaignFolder, plan_hash: str) -> bool:
    try:
        return load_unchecked(folder.plan).hash == plan_hash
    except PlanDamaged:
        return False


def _plan_of(folder: CampaignFolder, plan_hash: str) -> Plan | None:
    """The plan with this hash: in force, or kept by an amendment that a crash cut short."""
    for path in (folder.plan, folder.plan_of(plan_hash)):
        try:
            plan = load_unchecked(path)
        except PlanDamaged:
            continue
        if plan.hash == plan_hash:
            return plan
    return None


def _keep_old(folder: CampaignFolder, plan_hash: str) -> None:
    if _is_on_disk(folder, plan_hash):
        durable.write(folder.plan_of(plan_hash), folder.plan.read_text(encoding="utf-8"))


def _changes(folder: CampaignFolder, old_hash: str, new: Plan) -> tuple[str, ...]:
    """What a verdict rests on and differs from the plan in force, one entry a change."""
    old = _plan_of(folder, old_hash)
    if old is None:
        return ("the earlier plan cannot be read any more",)
    found: list[str] = []
    for name in ("trainer", "trainer_code", "metric", "device"):
        if getattr(old, name) != getattr(new, name):
            found.append(f"{name.replace('_', ' ')} is another")
    for limit, value in encode(old.allowance).items():
        if value != getattr(new.allowance, limit):
            after = getattr(new.allowance, limit)
            found.append(f"the limit of {limit.replace('_', ' ')}: {value} became {after}")
    found += _changes_of_locked(old, new)
    if old.bands != new.bands:
        found.append("the success criteria are others")
    for what, before, after in (
        (
            "hypothesis",
            {q.id: q.claim or q.text for q in old.questions},
            {q.id: q.claim or q.text for q in new.questions},
        ),
        (
            "arm",
            {a.name: dict(a.config) for a in old.arms},
            {a.name: dict(a.config) for a in new.arms},
        ),
    ):
        found += [f"{what} {name} is gone" for name in before if name not in after]
        found += [f"{what} {name} is new" for name in after if name not in before]
        found += [
            f"{what} {name}: {before[name]} became {after[name]}"
            for name in before
            if name in after and before[name] != after[name]
        ]
    found += _changes_of_looks(old, new)
    if len(old.trials) != len(new.trials):
        found.append(f"{len(old.trials)} trials became {len(new.trials)}")
    elif [trial.id for trial in old.trials] != [trial.id for trial in new.trials]:
        found.append("the trials or their order are others")
    if [trial.id for trial in old.further] != [trial.id for trial in new.further]:
        found.append("the further trials or their order are others")
    if [q.exploratory for q in old.questions] != [q.exploratory for q in new.questions]:
        found.append("another choice of hypotheses is exploratory")
    return tuple(found)


def _changes_of_looks(old: Plan, new: Plan) -> list[str]:
    """Looks that were moved or added: after results, one look more is one chance more to err."""
    before, after = (
        {question.id: ", ".join(map(str, question.looks)) for question in plan.questions}
        for plan in (old, new)
    )
    return [
        f"the looks of {name}: {looks or 'none'} became {after[name] or 'none'}"
        for name, looks in before.items()
        if after.get(name, looks) != looks
    ]


def _changes_of_locked(old: Plan, new: Plan) -> list[str]:
    """What became of the files that scores come from, with both digests."""
    before, after = ({file.path: file.digest for file in plan.locked} for plan in (old, new))
    found = [f"{path} is no longer locked" for path in before if path not in after]
    found += [f"{path} is locked from now on" for path in after if path not in before]
    return found + [
        f"{path}, which scores come from, was {digest[:8]} and is {after[path][:8]}"
        for path, digest in before.items()
        if after.get(path, digest) != digest
    ]
