"""A campaign is started, looked at and stopped; a detached process carries it out, never we."""

from typing import TYPE_CHECKING, Annotated

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Context
from pydantic import Field

from mcp_server.consent import acknowledged
from mcp_server.project import spec_file
from mcp_server.tools.arguments import SpecPath
from mcp_server.wire import StartReply, StatusReply, StopReply

if TYPE_CHECKING:
    from techspec.ledger.folder import CampaignFolder
    from techspec.run.progress import Progress

_LOOK_EVERY_SECONDS = 0.5
_TELL_EVERY_SECONDS = 5.0
"""Between two notifications of progress: well below what any client takes for silence."""


def campaign_start(
    max_device_hours: Annotated[
        float,
        Field(
            gt=0,
            allow_inf_nan=False,
            description="Device hours that the user agreed to: at least device_hours of `plan` "
            "and at most the spec's budget, which is the hard stop.",
            examples=[2.5],
        ),
    ],
    spec: SpecPath = "TECHSPEC.md",
    amend: Annotated[
        str | None,
        Field(
            min_length=3,
            description="Why a plan that was edited after the first launch may go on (--amend "
            "of the command line). It is recorded, and every verdict says DEVIATED. The user's "
            "reason, never yours.",
        ),
    ] = None,
) -> StartReply:
    """Run the plan of a spec in the background. It spends compute: ask the user first.

    Call plan before it and name the hours that the user agreed to; fewer than the forecast, or
    more than the spec's budget, are refused. The campaign goes on when this session ends, and
    stops by itself at the spec's budget. Called again, it goes on where it was: trials with a
    result are reused, never run twice. If the plan changed since the first launch it is refused
    until the edit is undone or `amend` says why. Next: campaign_status.
    """
    from techspec.ledger.journal import read
    from techspec.ledger.state import fold
    from techspec.plan.build import build
    from techspec.run.opening import freeze, start
    from techspec.run.trainer_call import trainer_of
    from techspec.spec.reader import read_file

    path = spec_file(spec)
    asked = read_file(path)
    plan = build(asked, trainer_of(asked, path.parent))
    if plan.trials:  # without any, freeze says what the spec lacks
        acknowledged(plan, max_device_hours)
    folder = freeze(path, plan, amend)
    known = fold(read(folder.ledger))
    reused = sum(known.trial(trial.id).is_final for trial in plan.every_trial)
    return StartReply.of(folder, plan, reused, start(folder))


async def campaign_status(
    context: Context,
    spec: SpecPath = "TECHSPEC.md",
    wait_s: Annotated[
        float,
        Field(
            ge=0,
            le=90,
            description="Seconds to wait for something to happen, 0 to 90. It answers earlier "
            "when a trial or the campaign ends. Take 60 to follow a campaign, 0 to look once.",
        ),
    ] = 0,
) -> StatusReply:
    """Say how far a campaign is, and what became of each hypothesis once it has ended.

    Call it with wait_s=60 again and again while condition is running. When no runner is at work
    the answer has `verdicts`: quote their sentences as they stand, and never call a hypothesis
    by another outcome. INCONCLUSIVE is an answer; seeds_needed says what would settle it. A spec
    without a campaign is an error that says so: campaign_start begins one.
    """
    from techspec.ledger.folder import started

    folder = started(spec_file(spec))
    first = now = await _progress(folder)
    began = anyio.current_time()
    told = -_TELL_EVERY_SECONDS
    with anyio.move_on_after(wait_s):
        while now.condition == "running" and _ended(now) == _ended(first):
            waited = anyio.current_time() - began
            if wait_s and waited - told >= _TELL_EVERY_SECONDS:
                told = waited
                await context.report_progress(waited, wait_s, _in_a_line(now))
            await anyio.sleep(_LOOK_EVERY_SECONDS)
            now = await _progress(folder)
    if now.condition in ("running", "waiting"):
        return StatusReply.of(now, None)
    return await anyio.to_thread.run_sync(_judged, folder, now)


async def campaign_stop(spec: SpecPath = "TECHSPEC.md") -> StopReply:
    """Put a campaign down at the next checkpoint of its trials; nothing measured is lost.

    Call it when the user wants the device back, or when what runs turned out to be wrong.
    asked=false means that no runner was at work. Next: campaign_status says when it has stopped;
    campaign_start takes it up again.
    """
    from techspec.ledger.folder import started
    from techspec.run.opening import ask_to_stop

    folder = started(spec_file(spec))
    asked = await anyio.to_thread.run_sync(ask_to_stop, folder)
    return StopReply(campaign=folder.name, asked=asked)


async def _progress(folder: "CampaignFolder") -> "Progress":
    from techspec.run.progress import progress

    return await anyio.to_thread.run_sync(progress, folder)


def _in_a_line(now: "Progress") -> str:
    at_work = ", ".join(f"{each.trial} at step {each.step}" for each in now.running[:3])
    return f"{now.done} of {now.trials} trials done; {at_work or 'none at work'}"


def _ended(now: "Progress") -> tuple[int, dict[str, int]]:
    return now.done, dict(now.outcomes)


def _judged(folder: "CampaignFolder", now: "Progress") -> StatusReply:
    from techspec.verdict.campaign import judged

    return StatusReply.of(now, judged(folder).verdicts)
