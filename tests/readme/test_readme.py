"""The README says what is so: its spec, its commands and the verdicts that it quotes."""

import json
import re
import shlex
from pathlib import Path

import pytest

from techspec.cli import VERBS, main
from techspec.commands.judge import paragraph
from techspec.ledger.journal import read as read_ledger
from techspec.ledger.state import fold
from techspec.plan.build import build
from techspec.plan.model import Plan
from techspec.records import decode
from techspec.run.trainer_call import trainer_of
from techspec.shipped import folder
from techspec.spec.claims import parse
from techspec.spec.reader import read
from techspec.verdict.decide import decide

HOME = folder("templates").parent
README = (HOME / "README.md").read_text()
RECORDED = Path(__file__).parent / "recorded"
"""Plan and ledger of one `make demo`."""


def block(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)[1]


def test_the_spec_of_the_first_screen_is_read_and_planned_as_it_stands():
    spec = read(block("markdown"))

    plan = build(spec, trainer_of(spec, Path()))

    assert spec.problems == ()
    assert [question.unanswerable for question in plan.questions] == [None, None]
    assert len({trial.arm for trial in plan.trials}) == 3


def test_the_verdicts_of_the_first_screen_are_those_of_a_recorded_demo():
    plan = decode(Plan, json.loads((RECORDED / "plan.json").read_text()))
    state = fold(read_ledger(RECORDED / "ledger.jsonl"))

    said = {verdict.hypothesis: paragraph(verdict) for verdict in decide(plan, state)}

    assert state.plan == plan.hash
    assert said["H1"] in README
    assert said["H3"] in README
    assert {v.outcome for v in decide(plan, state)} == {"CONFIRMED", "REFUTED", "INCONCLUSIVE"}


def test_the_recorded_demo_is_of_the_example_that_ships():
    spec = read((folder("examples") / "two-minutes" / "TECHSPEC.md").read_text())
    plan = decode(Plan, json.loads((RECORDED / "plan.json").read_text()))

    assert [q.claim for q in plan.questions] == [h.claim.text for h in spec.hypotheses]


def test_every_command_that_the_documents_show_is_one_that_exists(capsys):
    pages = [HOME / "README.md", *sorted((HOME / "docs").glob("*.md"))]
    lines = [
        line for page in pages for line in re.findall(r"`(techspec [^`\n]+)`", page.read_text())
    ]
    assert len(lines) >= 20

    for line in lines:
        verb = shlex.split(line)[1]
        assert verb in VERBS or verb == "VERB", line


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_readme(verb):
    assert f"techspec {verb}" in README


def test_every_claim_of_the_readme_is_in_the_grammar():
    table = README.split("| claim | settled by |")[1].split("\n\n")[0]
    claims = re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)

    assert len(claims) == 6
    for claim in claims:
        parse(claim)


@pytest.mark.parametrize(
    "page", ["README.md", "templates/TECHSPEC.md.j2", ".claude/skills/write-techspec/SKILL.md"]
)
def test_a_comparison_that_is_shown_as_a_form_has_the_margin_that_lint_asks_for(page):
    lines = re.findall(r"^(?:\| +|     )`([^`]+ > [^`]+)`", (HOME / page).read_text(), re.MULTILINE)

    assert len(lines) >= 2
    assert [line for line in lines if parse(line).form.margin is None] == []


def test_every_link_leads_somewhere():
    for page in [HOME / "README.md", *(HOME / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page}: {link}"


def test_make_targets_that_the_readme_names_exist():
    makefile = (HOME / "Makefile").read_text()

    for target in set(re.findall(r"make ([a-z]+)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_version_is_said_once(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])

    assert 'version = "0.1.0"' in (HOME / "pyproject.toml").read_text()
    assert capsys.readouterr().out == "techspec 0.1.0\n"
