"""What `--help` says of an argument is enough to use it."""

import pytest

from techspec.cli import main

OF_A_SPEC = ["init", "lint", "plan", "calibrate", "run", "stop", "judge", "report", "retrospective"]
OF_A_REGISTRY = ["advise", "tried", "skills", "retrospective", "serve"]


def said(capsys, verb):
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("verb", OF_A_SPEC)
def test_help_says_which_spec_is_taken_where_none_is_named(capsys, verb):
    assert "default: TECHSPEC.md" in said(capsys, verb)


@pytest.mark.parametrize("verb", OF_A_REGISTRY)
def test_help_says_what_a_registry_is_and_which_of_several_is_written_to(capsys, verb):
    told = said(capsys, verb)

    assert "folder of skills; may be repeated, the first one is written to" in told
    assert "default: $TECHSPEC_REGISTRY, or the project's own" in told
