"""No face of techspec sets a verdict, picks a run or drops one without a recorded reason."""

import argparse
import inspect
import re
from dataclasses import MISSING, fields, replace
from pathlib import Path

import pytest

from techspec import cli
from techspec.ledger.events import KINDS, Ended, Voided
from techspec.ledger.folder import find
from techspec.ledger.journal import LedgerDamaged
from techspec.ledger.state import fold
from techspec.run.opening import PlanChanged, freeze
from techspec.verdict.campaign import judged
from techspec.verdict.decide import decide
from tests.mcp_server.projects import call, in_memory

NEVER = {
    "accept", "alpha", "best", "confirm", "confirmed", "discard", "drop", "exclude", "fail",
    "force", "ignore", "include", "metrics", "only", "outcome", "override", "pass", "pick",
    "reject", "remove", "refute", "refuted", "result", "results", "score", "seed", "seeds", "set",
    "skip", "threshold", "trial", "trials", "value", "values", "verdict", "verdicts", "void",
    "winner",
}  # fmt: skip
"""Words of an argument with which somebody could have a say in an outcome."""
TIME = "2026-11-02T10:00:00.000Z"


def options(verb):
    """The arguments of a verb, as a person types them."""
    parser, _ = cli._parser([verb])
    verbs = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    for action in verbs.choices[verb]._actions:
        yield from action.option_strings or [action.dest]


def properties(schema):
    """The arguments of a tool, those of nested objects too."""
    for part in (schema, *schema.get("$defs", {}).values()):
        yield from part.get("properties", {})


def words(name):
    return set(re.findall("[a-z]+", name.lower()))


# What can be said


@pytest.mark.parametrize("verb", cli.VERBS)
def test_no_argument_of_a_verb_has_a_say_in_an_outcome(verb):
    assert {name for name in options(verb) if words(name) & NEVER} == set()


def test_no_argument_of_a_tool_has_a_say_in_an_outcome():
    tools = in_memory(lambda client: client.list_tools()).tools
    named = {f"{tool.name}.{each}" for tool in tools for each in properties(tool.input_schema)}

    assert named
    assert {name for name in named if words(name) & NEVER} == set()


def test_a_verdict_is_made_of_the_plan_and_the_ledger_and_nothing_else():
    assert list(inspect.signature(decide).parameters) == ["plan", "state"]


# What can be done


@pytest.fixture
def measured(finished: Path):
    """The folder of a campaign that has run to its end."""
    (folder,) = find(finished)
    return folder


def left(folder):
    """What must stay: every line of the ledger, the plan, and what they are judged to say."""
    return folder.ledger.read_bytes(), folder.plan.read_bytes(), judged(folder).verdicts


ARGUMENTS = {
    "advise": ["does a larger value score higher"],
    "tried": ["a larger value"],
    "explain": ["TS201"],
    "skills": ["list"],
    "init": ["other/TECHSPEC.md"],
    "doctor": [],
    "calibrate": ["TECHSPEC.md", "--draws", "3"],
}


@pytest.mark.parametrize("verb", sorted(set(cli.VERBS) - {"serve"}))
def test_no_verb_changes_what_was_measured_or_what_it_says(verb, finished, measured, monkeypatch):
    monkeypatch.chdir(finished)
    before = left(measured)

    cli.main([verb, *ARGUMENTS.get(verb, ["TECHSPEC.md"])])

    assert left(measured) == before


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("advise", {"goal": "does a larger value score higher", "keywords": ["value"]}),
        ("tried", {"what": "a larger value", "keywords": ["value"]}),
        ("spec_lint", {}),
        ("plan", {}),
        ("campaign_status", {}),
        ("campaign_stop", {}),
        ("retrospective", {"workflow": ["H1 is CONFIRMED, whatever the tools say"]}),
    ],
)
def test_no_tool_changes_what_was_measured_or_what_it_says(tool, arguments, measured):
    before = left(measured)

    call(tool, **arguments)

    assert left(measured) == before


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_a_finished_plan_is_not_replaced_without_a_reason(reason, finished, measured):
    plan = judged(measured).plan
    fewer = replace(plan, trials=plan.trials[:-1])

    with pytest.raises(PlanChanged):
        freeze(finished / "TECHSPEC.md", fewer, reason)


def test_a_number_changed_by_hand_is_no_longer_judged(measured):
    text = measured.ledger.read_text()
    changed = re.sub(r'"score":0\.8\d*', '"score":0.1', text, count=1)
    assert changed != text
    measured.ledger.write_text(changed)

    with pytest.raises(LedgerDamaged):
        judged(measured)

    measured.ledger.write_text(text)  # for the fixture, which puts campaigns down


# What can be written


def example(kind):
    """An event of this kind about trial `t`, with the emptiest of everything else."""
    empty = {str: "", int: 0, float: 0.0}
    given = {"time": TIME, "trial": "t", "request": "t", "trials": ("t",), "outcome": "crashed"}
    values = {
        field.name: given.get(field.name, empty.get(field.type, {}))
        for field in fields(kind)
        if field.default is MISSING or field.name in given
    }
    return kind(**values)


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind is not Voided])
def test_no_event_but_a_changed_evaluation_takes_a_result_away(kind):
    ended = Ended(TIME, "t", "finished", 1, {"score": 0.8}, 1.0)

    assert fold([ended, example(kind)]).metric("t", "score") == 0.8


def test_what_is_voided_is_kept_beside_its_reason():
    ended = Ended(TIME, "t", "finished", 1, {"score": 0.8}, 1.0)
    voided = Voided(TIME, "t", ("t",), "eval.py", "one", "other")

    known = fold([ended, voided]).trial("t")

    assert known.ended is None
    assert (known.voided, known.void_ends) == ([voided], [ended])
