import math
import os
import signal
import sys
import time

import anyio
import pytest
from mcp import Client, StdioServerParameters

from mcp_server.consent import CostNotSeen, MoreThanBudget, NoHardStop, acknowledged, hours
from techspec.ledger.events import Measured
from techspec.ledger.folder import find
from techspec.ledger.journal import is_held, read
from tests.mcp_server.projects import (
    Process,
    call,
    fields,
    in_memory,
    refusal,
    wait_for,
    write_spec,
)
from tests.run.campaigns import plan_of


def measured(project):
    events = read(next(find(project)).ledger)
    return sum(isinstance(event, Measured) for event in events)


# What must be seen before anything is spent


def test_hours_below_the_forecast_are_refused_and_the_forecast_is_named(project):
    write_spec(project, steps=1000)
    forecast = fields("plan")["device_hours"]

    said = refusal("campaign_start", max_device_hours=forecast / 2)

    assert f"{forecast:g}" in said
    assert not (project / ".techspec").exists()


def test_hours_above_the_budget_are_refused_and_the_budget_is_named(project):
    said = refusal("campaign_start", max_device_hours=24)

    assert "budget of 0.1 device hours" in said
    assert not (project / ".techspec").exists()


def test_the_hours_that_the_plan_shows_are_enough(project):
    started = fields("campaign_start", max_device_hours=fields("plan")["device_hours"])

    assert started["hard_stop"] == {"device_hours": 0.1, "experiments": 20}


def test_the_hours_cannot_be_left_out(project):
    assert "max_device_hours" in refusal("campaign_start")


def test_hours_that_differ_in_a_late_digit_do_not_read_alike():
    plan = plan_of({"a": {}}, seeds=8, seconds=3600.0, device_seconds=36000.0)

    with pytest.raises(MoreThanBudget, match=r"=10\.0000001 is more .* of 10 "):
        acknowledged(plan, 10.0000001)


@pytest.mark.parametrize(
    ("seconds", "budget", "named", "error"),
    [
        (3600.0, 36000.0, 7.9, CostNotSeen),
        (3600.0, 36000.0, 8.0, None),
        (3600.0, None, 8.0, NoHardStop),
        (None, 7200.0, 1.0, CostNotSeen),
        (None, 7200.0, 2.0, None),
        (3600.0, 36000.0, 10.1, MoreThanBudget),
        (None, None, 1e9, NoHardStop),
    ],
)
def test_what_is_named_lies_between_forecast_and_budget(seconds, budget, named, error):
    limits = {} if budget is None else {"device_seconds": budget}
    plan = plan_of({"a": {}}, seeds=8, seconds=seconds, **limits)

    if error is None:
        acknowledged(plan, named)
    else:
        with pytest.raises(error):
            acknowledged(plan, named)


def test_a_budget_that_is_used_to_the_last_second_can_be_acknowledged():
    plan = plan_of({"a": {}}, seeds=7, seconds=100 / 7, device_seconds=100.0)

    acknowledged(plan, hours(plan.seconds))

    assert math.isclose(plan.seconds, 100)


def test_a_plan_without_trials_says_what_the_spec_lacks(project):
    (project / "TECHSPEC.md").write_text("# TECHSPEC: empty\n")

    assert "no trial" in refusal("campaign_start", max_device_hours=1)


# One campaign


def test_a_campaign_is_started_followed_and_judged(project):
    started = fields("campaign_start", max_device_hours=0.1)
    assert started["trials"] == 10
    assert started["folder"] == ".techspec/techspec"

    status = fields("campaign_status", wait_s=60)
    while status["condition"] == "running":
        assert "verdicts" not in status
        status = fields("campaign_status", wait_s=60)

    assert (status["condition"], status["done"]) == ("complete", 10)
    assert {v["id"]: v["outcome"] for v in status["verdicts"]} == {
        "H1": "CONFIRMED",
        "H2": "REFUTED",
    }
    assert "60.0 pt" in status["verdicts"][0]["sentence"]
    assert status["verdicts"][0]["sentence"] in call("campaign_status").content[0].text


def test_started_again_a_finished_campaign_runs_nothing_twice(finished):
    before = measured(finished)

    again = fields("campaign_start", max_device_hours=0.1)
    wait_for(lambda: not is_held(next(find(finished)).ledger))

    assert again["reused"] == again["trials"] == 10
    assert measured(finished) == before


def test_waiting_ends_when_a_trial_ends_and_not_before(project):
    write_spec(project, steps=60)
    fields("campaign_start", max_device_hours=0.1)

    first = fields("campaign_status")
    then = fields("campaign_status", wait_s=60)

    assert first["condition"] == then["condition"] == "running"
    assert (first["done"], 0 < then["done"] < 10) == (0, True)


def test_a_client_that_waits_is_told_how_far_it_is(project):
    write_spec(project, steps=60)
    fields("campaign_start", max_device_hours=0.1)
    told = []

    async def wait(client):
        async def tell(progress, total, message):
            told.append((progress, total, message))

        asked = {"wait_s": 60}
        return await client.call_tool("campaign_status", asked, progress_callback=tell)

    in_memory(wait)

    progress, total, message = told[0]
    assert (progress < total, total) == (True, 60)
    assert "trials done" in message


def test_a_client_that_looks_once_is_told_nothing_on_the_way(finished):
    told = []

    async def look(client):
        async def tell(*said):
            told.append(said)

        return await client.call_tool("campaign_status", {}, progress_callback=tell)

    assert not in_memory(look).is_error
    assert told == []


def test_a_campaign_that_runs_is_not_started_twice_and_is_stopped_when_asked(project):
    write_spec(project, steps=4000)
    fields("campaign_start", max_device_hours=fields("plan")["device_hours"])

    assert "at work" in refusal("campaign_start", max_device_hours=fields("plan")["device_hours"])
    assert "still running" in refusal("retrospective")
    assert fields("campaign_stop") == {"campaign": "techspec", "asked": True}
    status = fields("campaign_status", wait_s=60)
    assert status["condition"] == "stopped"
    assert [verdict["outcome"] for verdict in status["verdicts"]] == ["INCONCLUSIVE"] * 2
    assert fields("campaign_stop")["asked"] is False


def test_trials_that_a_killed_runner_left_behind_are_ended_too(project):
    write_spec(project, steps=2000, seeds=1)
    started = fields("campaign_start", max_device_hours=0.1)
    folder = next(find(project))
    wait_for(lambda: measured(project))
    os.kill(started["pid"], signal.SIGKILL)
    wait_for(lambda: not is_held(folder.ledger))
    locks = [lock for lock in folder.path.glob("runs/*/lock") if is_held(lock)]
    assert locks
    assert fields("campaign_status")["condition"] == "abandoned"

    assert fields("campaign_stop")["asked"]

    assert not any(is_held(lock) for lock in locks)


def test_an_edited_plan_wants_a_reason(finished):
    spec = finished / "TECHSPEC.md"
    spec.write_text(spec.read_text().replace("| high | 0.8 |", "| high | 0.7 |"))

    assert "DEVIATED" in refusal("campaign_start", max_device_hours=0.1)
    fields("campaign_start", max_device_hours=0.1, amend="0.8 was a slip of the pen")

    wait_for(lambda: not is_held(next(find(finished)).ledger))
    verdicts = fields("campaign_status")["verdicts"]
    assert any("0.8 was a slip of the pen" in note for note in verdicts[0]["caveats"])


def test_without_a_campaign_status_and_stop_say_so(project):
    assert "No campaign was started" in refusal("campaign_status")
    assert "No campaign was started" in refusal("campaign_stop")


# Processes


def test_a_real_client_talks_to_a_real_server(project):
    async def session():
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "mcp_server"], cwd=project, env=dict(os.environ)
        )
        async with Client(server) as client:
            linted = await client.call_tool("spec_lint", {})
            return client.instructions, linted.structured_content

    instructions, linted = anyio.run(session)

    assert "TECHSPEC.md" in instructions
    assert linted["findings"] == []


def test_a_campaign_outlives_its_server_and_another_server_follows_it_to_its_verdicts(project):
    write_spec(project, steps=30, pause=0.2)
    with Process(project) as first:
        hours = first.call("plan")["device_hours"]
        started = first.call("campaign_start", max_device_hours=hours)
        os.kill(first.popen.pid, signal.SIGKILL)
        first.popen.wait()
    seen = measured(project)
    wait_for(lambda: measured(project) > seen + 2)  # it goes on without a server

    with Process(project) as second:
        status = second.call("campaign_status")
        assert status["condition"] == "running"
        asked = 1
        while status["condition"] == "running":
            status = second.call("campaign_status", wait_s=60)
            asked += 1

    assert (status["campaign"], status["done"]) == (started["campaign"], 10)
    assert asked <= 12  # an answer a trial that ended: it waits instead of asking
    assert [verdict["outcome"] for verdict in status["verdicts"]] == ["CONFIRMED", "REFUTED"]


def test_a_server_whose_client_goes_away_while_it_waits_ends_at_once(project):
    write_spec(project, steps=4000)
    with Process(project) as server:
        server.call("campaign_start", max_device_hours=server.call("plan")["device_hours"])
        server._send(
            {
                "jsonrpc": "2.0",
                "id": 99,
                "method": "tools/call",
                "params": {"name": "campaign_status", "arguments": {"wait_s": 90}},
            }
        )
        began = time.monotonic()
        server.popen.stdin.close()

        assert server.popen.wait(timeout=20) is not None
        assert time.monotonic() - began < 20
