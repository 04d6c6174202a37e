"""techspec tried: what failed before, how like it is, and how well that is known."""

import json

from techspec.cli import main

PAGE = (
    "---\nname: rope\ndescription: y\n---\n## Failed Attempts\n- Rotary base of 100: flat at 0 %\n"
)


def test_a_failed_attempt_is_told_with_its_match_and_its_grade(tmp_path, capsys):
    (tmp_path / "rope").mkdir()
    (tmp_path / "rope/SKILL.md").write_text(PAGE)
    asked = ["tried", "a rotary base of 100", "--registry", str(tmp_path)]

    assert main(asked) == 0
    said = capsys.readouterr().out
    assert main([*asked, "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["tried"]

    assert "rope/SKILL.md:6: Rotary base of 100\n  strong match, anecdote\n" in said
    assert (told["strength"], told["evidence"]) == ("strong", "anecdote")
    assert main(["tried", "a sourdough of rye", "--registry", str(tmp_path)]) == 1


def test_of_a_superseded_page_a_row_is_marked_and_not_told_twice(tmp_path, capsys):
    own = "- Rotary base of 7: it diverged\n"
    for name, head, more in (
        ("old", "metadata:\n  superseded-by: new\n", own),
        ("new", "metadata:\n  supersedes: old\n", ""),
    ):
        (tmp_path / name).mkdir()
        page = PAGE.replace("name: rope", f"name: {name}").replace("---\n##", f"{head}---\n##")
        (tmp_path / name / "SKILL.md").write_text(page + more)

    assert main(["tried", "a rotary base", "--registry", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["tried"]

    assert {(each["skill"], each["attempt"], each["superseded_by"]) for each in told} == {
        ("new", "Rotary base of 100", ""),
        ("old", "Rotary base of 7", "new"),
    }
    assert main(["tried", "a rotary base", "--registry", str(tmp_path)]) == 0
    assert "; its page is superseded by new\n" in capsys.readouterr().out
