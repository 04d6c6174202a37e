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
