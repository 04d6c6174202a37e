"""Whole specs: what is found is what is marked, no more and no fewer."""

from pathlib import Path

import pytest

from techspec.lint.check import check
from techspec.spec.reader import read
from tests.reported_study import PATHS

FIXTURES = Path(__file__).parent / "fixtures"
MARKED = sorted(FIXTURES.glob("*.md"))


@pytest.mark.parametrize("path", MARKED, ids=lambda path: path.stem)
def test_the_findings_of_a_spec_are_its_markers(path, trainer, marked):
    text = path.read_text()

    assert [(f.line, f.code) for f in check(read(text), trainer)] == marked(text)


def test_a_complete_spec_has_no_findings(trainer):
    assert check(read((FIXTURES / "complete.md").read_text()), trainer) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_findings_of_the_reported_study_are_those_that_are_listed(path, trainer):
    listed = (FIXTURES / f"reported_{path.stem}.expected").read_text().splitlines()

    found = [f"{f.line} {f.code}" for f in check(read(path.read_text()), trainer)]
    assert found == listed
