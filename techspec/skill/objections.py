"""A page about to be shared in, everything that must not be in it out: all at once, with lines."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from techspec.render import cell
from techspec.skill.page import Attempt, Skill, read
from techspec.skill.untrusted import hidden, lines_of, orders
from techspec.skill.words import terms


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a line cannot be shared, and what to write instead."""

    file: str
    line: int
    """From 1; 0 where that is not known."""
    what: str
    fix: str
    key: str = ""
    """Of notes: which of them it is about."""

    @property
    def where(self) -> str:
        """Its place, to be read or clicked."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}" if self.key else place


KEYS = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")
"""What the head of a page may hold, by the Agent Skills form."""

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
"""A skill's name, of 64 characters at most."""

_NAMED = (
    r"(api[ _-]?key|access[ _-]?key|secret([ _-]?key)?|passw(or)?d|passphrase"
    r"|(auth|access|api|bearer)[ _-]?token)"
)
# As no word is: letters and digits mixed, and in few of them small and capital letters.
_MIXED = (
    r"(?![\w+/-]{0,40}(?i:your|example|placeholder|change|passw|secret))"
    r"((?=[A-Za-z+/]{0,99}[0-9])(?=[0-9+/]{0,99}[A-Za-z])[A-Za-z0-9+/]{12}"
    r"|(?=[a-z0-9+/]{0,9}[A-Z])(?=[A-Z0-9+/]{0,9}[a-z])(?=[A-Za-z+/]{0,9}[0-9])"
    r"[A-Za-z0-9+/]{8})[A-Za-z0-9+/]*+(?![\w(\[]|\.\w)"
)
# None reads far from each of many beginnings: a page full of these would take hours.
_SECRETS = {
    "an AWS key": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\b(gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,})\b",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}\b",
    "an API key": r"\b(sk|rk|pk)[-_](ant-|proj-|live_|test_)?(?=[A-Za-z0-9_-]{0,99}[0-9])"
    r"(?=[A-Za-z0-9_-]{0,99}[A-Z])[A-Za-z0-9_-]{20,}",
    "a Google key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "a Google OAuth token": r"\bya29\.[0-9A-Za-z_-]{20,}",
    "a Slack token": r"\bxox[abeprs]-[A-Za-z0-9-]{10,}\b",
    "a Slack hook": r"\bhooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/\w+",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}\b",
    "an npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "a PyPI token": r"\bpypi-[A-Za-z0-9_-]{50,}",
    "a Weights & Biases key": r"(?i)\bwandb[\w. -]{0,20}[\"'=: ]+[0-9a-f]{40}\b",
    "an Azure key": r"(?i)\bAccountKey=[A-Za-z0-9+/=]{40,}",
    # With a line of the key behind it: the header alone is what a page about keys quotes.
    "a private key": r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY( BLOCK)?-----[ \t]*+"
    r"((\\[nr]|[^\w+/\\ \t]|\\(?![nr])|\d{1,4}(?=[ \t:.|])|[A-Z][\w-]{0,40}: [^\n]{0,200}\n)"
    r"[ \t]*+){0,40}[A-Za-z0-9+/]{20}",
    "a JSON web token": r"[A-Za-z0-9_-]{13}\.eyJ[A-Za-z0-9_-]{10,}\.",
    "a password in a URL": r"[a-z0-9+]://[^\s/:@$<{]+:(?!pass(word)?@)[^\s/@$<{]+@",
    "a bearer token": r"(?i)\bbearer +(?=[\w.~+/-]*[0-9])[\w.~+/-]{24,}",
    "a secret": r"(?i:\b(api[_-]?key|secret([_-]?key)?|passw(or)?d|auth[_-]?token|access[_-]?token)"
    r"\b[\"']?[ \t]*[:=][ \t]*[\"']?(?!your|my[_-]|example|x{3}|placeholder|change|env"
    r"|process|settings|config|self|args|get|os\.)[A-Za-z0-9+/_-]{12,}+(?![(\[]))"
    # In words, `the API key of the lab is …`, behind a prefix, or to a command.
    rf"|((?i:{_NAMED}\b[\w \"'`*-]{{0,30}}?([:=]|\b(is|was)\b:?)[ \t\"'`*]{{0,40}}"
    rf"|(?<![\w-])--?(({_NAMED}|token)[ =]|(u|user)[ =]?[\"']?[\w.@-]{{1,40}}:)[\"']?"
    r"|\b(sshpass|mysql|mysqldump|mariadb|login)\b[^\n]{0,80}? -p *[\"']?)"
    rf"{_MIXED})",
}
_SECRET = [(what, re.compile(pattern)) for what, pattern in _SECRETS.items()]
_NO_LINE_END = re.compile(r"[^\n]")
# Not the files that everybody has at home, nor the home of a public image's user, nor a temporary
# file: that can be made anywhere, and on real pages nearly all are made by the very step that names
# them.
_MACHINE = re.compile(
    r"(?<![\w.])/(?!home/(runner|vscode|ec2-user|ubuntu|user|username)(?![\w-]|\.\w))"
    r"(home|Users|root|mnt|scratch|workspace)/[\w.-]+"
    r"|(?<![\w./])~/(?!(Desktop|Documents|Downloads|Library|Movies|Music|Pictures|Public|Videos"
    r"|path)/)[\w-][\w.-]*/[\w.-]*\w"
    r"|\b[A-Za-z]:\\+\w+|\bfile://|(?<![\w\\])\\\\[\w.-]+\\[\w$.-]+"
)
_EMAIL = re.compile(
    r"(?<![\w.+-])(?!git@)[\w.+-]{1,64}@(?!example\.|users\.noreply\.github\.com)"
    r"[\w-]+\.[\w.-]*[A-Za-z]{2}"
)
_SAYS_NO_MORE = frozenset(
    terms(
        "use when working work thing stuff various general generic task problem issue help helper "
        "useful skill page notes something anything everything project code model training train "
        "experiment result finding lesson learned test testing good better best improve do make "
        "need data run running"
    )
)
"""Terms that fit any page."""

_PLACEHOLDER = re.compile(
    r"\W*(todo|tbd|fixme|lorem ipsum|placeholder|replace (with|this))\b", re.I
)
_GIVES_NO_REASON = frozenset(
    terms(
        "fail failed failure unsuccessful success succeed work help broke broken break error bug "
        "issue problem trouble wrong bad badly poor poorly worse useless useful luck effect good "
        "better best improve proper properly correct correctly right careful carefully enough "
        "expected try tried again another other different differently next time avoid never stop "
        "nothing none n na unknown unclear see above below todo tbd later recorded reason result "
        "approach attempt idea way thing something need make happen went go came gave didn doesn "
        "isn wasn won couldn wouldn ok okay findings"
    )
)
"""Terms that say that something failed, or should go better, and neither why nor how: nothing but
these and the words of the attempt is in 1 of 5,488 rows of real pages, one that is cut short."""


def objections(name: str, files: Mapping[str, str]) -> list[Objection]:
    """What is unfit to be shared in the files of a skill.

    Args:
        name: of its folder.
        files: text by relative path, `SKILL.md` among them.
    """
    page = files["SKILL.md"]
    found = [*about_head(name, page), *_about_page(name, page)]
    for file, text in files.items():
        found += sorted(_about_text(file, text), key=lambda objection: objection.line)
    return found


def in_notes(name: str, notes: Mapping[str, Any]) -> list[Objection]:
    """The same, in the words of notes that a page is made of, each with its key.

    Args:
        name: of the page's folder.
        notes: `Notes`, encoded.
    """
    found = [
        replace(each, line=0, key=key)
        for key, text in values(notes)
        for each in _about_text("notes", text)
    ]
    for each in _about_description(name, notes["description"]):
        found.append(replace(each, file="notes", line=0, key="description"))
    for part in ("workflow", "findings"):
        for number, text in enumerate(notes[part]):
            if _says_nothing(text):
                about = _about_empty(cell(text))
                found.append(Objection("notes", 0, *about, key=f"{part}[{number}]"))
    for number, said in enumerate(notes["attempts"]):
        cells = " | ".join(cell(said[part]) for part in ("attempt", "why", "lesson"))
        page = read(
            f"# T\n\n## Failed Attempts\n\n| Attempt | Why | Lesson |\n|-|-|-|\n| {cells} |"
        )
        for each in _about_attempts(page):
            found.append(replace(each, file="notes", line=0, key=f"attempts[{number}].why"))
    return found


def values(notes: object, key: str = "") -> Iterator[tuple[str, str]]:
    """The texts of notes, each behind its key, such as `attempts[0].why`."""
    if isinstance(notes, dict):
        for name, value in notes.items():
            yield from values(value, f"{key}.{name}" if key else name)
    elif isinstance(notes, list):
        for number, value in enumerate(notes):
            yield from values(value, f"{key}[{number}]")
    elif isinstance(notes, str):
        yield key, notes


def secrets(text: str) -> list[tuple[int, str]]:
    """Lines, from 1, that hold a secret, and of what kind."""
    found = [
        (line, what)
        for what, pattern in _SECRET
        for line in lines_of(text, (secret.start() for secret in pattern.finditer(text)))
    ]
    return sorted(dict.fromkeys(found))


def _without_secrets(text: str) -> str:
    """A text with blanks where its secrets stood, line by line as before."""
    spans = [secret.span() for _, pattern in _SECRET for secret in pattern.finditer(text)]
    parts, at = [], 0
    for start, end in sorted(spans):
        if end > at:
            start = max(start, at)
            parts += [text[at:start], _NO_LINE_END.sub(" ", text[start:end])]
            at = end
    return "".join([*parts, text[at:]])


def _about_text(file: str, text: str) -> Iterator[Objection]:
    text = "\n".join(text.splitlines())
    for number, what in secrets(text):
        fix = "take it out, and make it invalid where it was issued."
        yield Objection(file, number, what, fix)
    for number, line in enumerate(_without_secrets(text).split("\n"), start=1):
        for machine in dict.fromkeys(found[0] for found in _MACHINE.finditer(line)):
            what = f"a path of one machine, {machine!r}"
            yield Objection(file, number, what, "write it relative to the project.")
        for email in dict.fromkeys(found[0] for found in _EMAIL.finditer(line)):
            what = f"an e-mail address, {email!r}"
            yield Objection(file, number, what, "write a name, or leave it out.")
    for number, what in hidden(text):
        yield Objection(file, number, what, "delete it.")
    for number in orders(text):
        what = "a line that gives orders to a model"
        yield Objection(
            file, number, what, "say what was found; pages are data for who reads them."
        )


def _about_page(name: str, text: str) -> Iterator[Objection]:
    skill = read(text, Path(name) / "SKILL.md")
    for problem in skill.problems:
        yield Objection("SKILL.md", problem.line, problem.what, problem.fix)
    yield from _about_description(skill.name, skill.description)
    yield from _about_attempts(skill)
    for row in skill.rows:
        if row.section in _TOLD and not row.header and _says_nothing(row.text):
            yield Objection("SKILL.md", row.line, *_about_empty(row.text))


def _about_empty(text: str) -> tuple[str, str]:
    return f"a line that says nothing: {text[:80]!r}", "say what was done or found, or take it out."


def _about_description(name: str, description: str) -> Iterator[Objection]:
    if why := _vague(name, description):
        fix = "say in which situation it helps, with the words that somebody would search for."
        yield Objection("SKILL.md", 1, f"a description that {why}: {description[:80]!r}", fix)


def _about_attempts(skill: Skill) -> Iterator[Objection]:
    for attempt in skill.empty_attempts:
        what = f"a row of Failed Attempts that says nothing: {attempt.attempt[:80]!r}"
        fix = "say what was tried and why it failed, or take the row out."
        yield Objection("SKILL.md", attempt.line, what, fix)
    for attempt in skill.attempts:
        if _has_no_reason(attempt):
            what = f"a failed attempt without the reason: {attempt.attempt[:80]!r}"
            fix = "write what was seen, such as the error text or the number, or take the row out."
            yield Objection("SKILL.md", attempt.line, what, fix)


_TOLD = ("Verified Workflow", "Lessons Learned")
"""Sections of which each list item was told: of all on real pages none says nothing."""
_WORDS_OF_A_SENTENCE = 8
_NOT_LATIN = re.compile(r"[^\W\d_\u0000-\u024f\uff00-\uff5e]")
"""A letter of a script of which most words are no `terms`, such as Cyrillic."""


def _vague(name: str, description: str) -> str:
    if not description:
        return ""  # the reader objects to that
    if _PLACEHOLDER.match(description):
        return "is a placeholder"
    telling = set(terms(description)) - _SAYS_NO_MORE
    beyond_name = telling - set(terms(name.replace("-", " ")))
    return "says too little" if len(telling) < 3 or len(beyond_name) < 2 else ""


def _has_no_reason(attempt: Attempt) -> bool:
    """True where neither cause nor change is named, nor does a sentence stand for all three."""
    if not attempt.why.strip() and not attempt.lesson.strip():
        return len(attempt.attempt.split()) < _WORDS_OF_A_SENTENCE
    return _says_nothing(f"{attempt.why} {attempt.lesson}", attempt.attempt)


def _says_nothing(said: str, known: str = "") -> bool:
    """True for a text that says at most that something failed, or should go better."""
    if len(_NOT_LATIN.findall(said)) >= 3:
        return False
    return not set(terms(said)) - _GIVES_NO_REASON - set(terms(known))


def about_head(name: str, text: str) -> Iterator[Objection]:
    """What Claude's own validator lets pass, and what the strict one refuses."""
    if not NAME.match(name) or len(name) > 64:
        fix = "take 1 to 64 of a-z, 0-9 and single dashes."
        yield Objection("SKILL.md", 1, f"a folder called {name[:80]!r}", fix)
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0] != "---" or "---" not in lines[1:]:
        if "---" in (line.strip() for line in lines[:20]):
            yield Objection("SKILL.md", 1, "a head that is not in the first line", "move it there.")
        return
    try:
        head = yaml.compose("\n".join(lines[1 : lines.index("---", 1)]), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return  # the reader says so, with the line
    if isinstance(head, yaml.MappingNode):
        for line, what, fix in _about_values(head):
            yield Objection("SKILL.md", line + 2, what, fix)


def _about_values(head: yaml.MappingNode) -> Iterator[tuple[int, str, str]]:
    known: set[str] = set()
    for key, value in head.value:
        line, word = key.start_mark.line, str(key.value)
        if word in known:
            yield line, f"the key {word!r} a second time", "keep one of them."
        known.add(word)
        if word not in KEYS:
            yield line, f"an unknown key {word[:80]!r}", f"move it below metadata: {_AS_TEXT}"
        elif word == "metadata":
            yield from _about_metadata(line, value)
        elif not isinstance(value, yaml.ScalarNode) or value.tag != _TEXT:
            yield line, f"{word!r} is no text", _AS_TEXT
    if "name" not in known:
        yield 0, "no name", "add name: with the folder's name."


_TEXT = "tag:yaml.org,2002:str"
_AS_TEXT = "write it as one text in double quotes."


def _about_metadata(line: int, value: yaml.Node) -> Iterator[tuple[int, str, str]]:
    if not isinstance(value, yaml.MappingNode) or value.flow_style:
        yield line, "metadata that is no list of keys", "write one key a line below metadata:."
        return
    seen: set[str] = set()
    for key, text in value.value:
        if str(key.value) in seen:
            yield key.start_mark.line, f"the key {key.value!r} a second time", "keep one of them."
        seen.add(str(key.value))
        if not isinstance(text, yaml.ScalarNode) or text.tag != _TEXT:
            yield key.start_mark.line, f"metadata {key.value!r} is no text", _AS_TEXT
