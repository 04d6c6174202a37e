"""A page about to be shared in, everything that must not be in it out: all at once, with lines."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from techspec.skill.page import read


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a line cannot be shared, and what to write instead."""

    file: str
    line: int
    what: str
    fix: str


_SECRETS = {
    "an AWS key": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\b(gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,})\b",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}\b",
    "an API key": r"\b(sk|rk|pk)[-_](ant-|proj-|live_|test_)?[A-Za-z0-9_-]{20,}\b",
    "a Google key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "a Slack token": r"\bxox[abeprs]-[A-Za-z0-9-]{10,}\b",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}\b",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a JSON web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
    "a password in a URL": r"\b[a-z][a-z0-9+]*://[^\s/:@]+:[^\s/@]+@",
    "a secret": r"(?i)\b(api[_-]?key|secret|passw(or)?d|auth[_-]?token|access[_-]?token)\b"
    r"[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9+/_-]{12,}",
}
_MACHINE = re.compile(
    r"(?<![\w.])/(home|Users|root|mnt|scratch|workspace)/[\w.-]+"
    r"|\b[A-Za-z]:\\+\w+|\bfile://"
)
_EMAIL = re.compile(r"(?<![\w.+-])(?!git@)[\w.+-]{1,64}@(?!example\.)[\w-]+\.[\w.-]*[A-Za-z]{2}")


def objections(name: str, files: Mapping[str, str]) -> list[Objection]:
    """What is unfit to be shared in the files of a skill, `SKILL.md` among them."""
    found = _about_page(name, files["SKILL.md"])
    for file, text in files.items():
        for number, line in enumerate(text.splitlines(), start=1):
            for what, pattern in _SECRETS.items():
                if re.search(pattern, line):
                    fix = "take it out, and make it invalid where it was issued."
                    found.append(Objection(file, number, what, fix))
            if machine := _MACHINE.search(line):
                what = f"a path of one machine, {machine[0]!r}"
                found.append(Objection(file, number, what, "write it relative to the project."))
            if email := _EMAIL.search(line):
                what = f"an e-mail address, {email[0]!r}"
                found.append(Objection(file, number, what, "write a name, or leave it out."))
    return found


def _about_page(name: str, text: str) -> list[Objection]:
    skill = read(text, Path(name) / "SKILL.md")
    found = [
        Objection("SKILL.md", problem.line, problem.what, problem.fix) for problem in skill.problems
    ]
    for attempt in skill.empty_attempts:
        what = f"a row of Failed Attempts that says nothing: {attempt.attempt!r}"
        fix = "say what was tried and why it failed, or take the row out."
        found.append(Objection("SKILL.md", attempt.line, what, fix))
    return found
