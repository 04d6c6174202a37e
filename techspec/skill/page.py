"""A page of markdown in, a Skill out. Never raises, never drops a page; problems carry a line."""

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from techspec.identity import slug
from techspec.skill import frontmatter
from techspec.skill.markdown import Fence, Heading, Item, ListItem, Paragraph, TableRow, scan
from techspec.skill.untrusted import seen
from techspec.spec.model import Problem

LONGEST_FILE = 2_000_000
"""Bytes of a page that are read; the longest of 1,855 real ones has 300,000."""

_LONGEST_HEAD = 8_000
"""Bytes in which a frontmatter ends; the longest of 1,855 real ones has 5,500."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the prose below it, up to the next heading of any level."""

    title: str
    level: int
    line: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of Failed Attempts; `why` and `lesson` may be empty."""

    attempt: str
    why: str
    lesson: str
    line: int = 0
    """0 where it stands on no page yet."""


@dataclass(frozen=True, slots=True)
class Row:
    """A table row, a list item or a paragraph led by a bold label: what advice may quote."""

    line: int
    section: str
    cells: tuple[str, ...]
    header: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """In one line, each cell behind its header."""
        if not self.header:
            return " ".join(self.cells)
        if _names_nothing(self.header):
            return ": ".join(cell for cell in self.cells if cell)
        pairs = zip(self.header, self.cells, strict=True)
        return "; ".join(f"{head}: {cell}" if head else cell for head, cell in pairs if cell)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block."""

    line: int
    section: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Skill:
    """A page of a registry; every part may be missing. Lines count from 1."""

    name: str
    path: Path
    """Its identity: names repeat in real registries."""
    registry: Path
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """All other frontmatter as text: date, author, status, tags, …"""
    title: str = ""
    sections: tuple[Section, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    empty_attempts: tuple[Attempt, ...] = ()
    """Rows of Failed Attempts that tell nobody anything, such as `N/A | Direct approach worked`."""
    rows: tuple[Row, ...] = ()
    """Every other table row, list item and labelled paragraph."""
    blocks: tuple[Block, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags and category."""
        listed = f"{self.metadata.get('tags', '')},{self.metadata.get('category', '')}"
        return tuple(tag for part in listed.split(",") if (tag := part.strip(" []\"'")))

    @property
    def parameters(self) -> tuple[Block, ...]:
        """Blocks to copy values from: yaml, json, toml, or any block of a parameter section."""
        return tuple(
            block
            for block in self.blocks
            if block.language in ("yaml", "yml", "json", "toml", "ini")
            or (block.language in ("", "text") and _PARAMETER_TITLE.search(block.section))
        )

    @property
    def findings(self) -> tuple[Row, ...]:
        """Rows that say what came out."""
        return tuple(row for row in self.rows if _is_finding(row))

    @property
    def cautions(self) -> tuple[Row, ...]:
        """Rows that say what to doubt."""
        return tuple(row for row in self.rows if _is_caution(row))

    @property
    def settings(self) -> tuple[Row, ...]:
        """Rows of tables to copy values from."""
        return tuple(row for row in self.rows if _is_setting(row))

    @property
    def evidence(self) -> str:
        """The page's own word for its evidence, the weakest that fits where it has none.

        Of a page in a folder, `read_file` has held that word against what lies there.
        """
        stated = self.metadata.get("evidence", "").lower()
        if stated in GRADES:
            return stated
        counted = any(_DIGIT.search(row.text) for row in self.findings)
        return "reported" if counted else "anecdote"


GRADES = ("replicated", "measured over seeds", "one run", "reported", "anecdote")
"""Grades of evidence, strongest first."""

_OF_RUNS = GRADES[1:3]
"""Grades that follow from a campaign's runs; no campaign alone gives `replicated`."""

CLAIMED = "claimed-evidence"
"""Under what name a grade that nothing beside a page gives is kept in its metadata."""

_PARAMETER_TITLE = re.compile(r"param|config|setting|result", re.I)
_FINDING_TITLE = re.compile(r"result|finding|insight|outcome|prediction|takeaway|learned", re.I)
_NAMES_NOTHING = frozenset({"", "item", "field", "property", "key", "attribute", "aspect", "what"})
_CAUTION_TITLE = re.compile(r"not add up|caveat|limitation|caution|open question|known issue", re.I)
_FINDING_LABEL = re.compile(r"\W*(key )?(finding|insight|result|takeaway|outcome)s?\b", re.I)
_SETTING_HEAD = re.compile(r"param|setting|config|default|value", re.I)
_FAILED_TITLE = re.compile(
    r"\bfail(ed|ing|ure|ures)?\b.*\b(attempt|approach|experiment|idea|tries|tried|lesson|log)"
    r"|\b(attempt|approach|experiment|thing|idea)\w*\b.*\bfail|^fail(ed|ures)\W*$"
    r"|what (failed|did(n.?t| not)$)|(did|does)(n.?t| not) work|dead.?ends?\b"
    r"|실패|失败|失敗",
    re.I,
)
_WHY = re.compile(r"\bwhy|problem|cause|\breason|issue|wrong|failure|\bfail|error|result", re.I)
_LESSON = re.compile(
    r"lesson|\bfix|solution|instead|resolution|takeaway|learn|remedy|\buse\b", re.I
)
_TRIED = re.compile(r"attempt|approach|tried|strategy|experiment|idea|method|#|^no\.?$", re.I)
_LABEL = re.compile(r"[*_]{0,2}([A-Za-z' ]{2,24})[*_]{0,2}\s*:\s*[*_]{0,2}\s*")
_BREAK = re.compile(r"(?<!\s)\s+(?:—|–|-|->|→)\s+|:\s+|\.\s+")
_NOTHING = re.compile(
    r"(n/?a|none|nothing|tbd|todo|unknown|not applicable|-+|—|–|\.+|\?|no failed attempts?"
    r"|(the )?direct approach worked.*|(the )?(solution|issue) was (straightforward|well.scoped).*"
    r"|worked (on|the) (the )?first (try|time|attempt)|no (other|alternative) approach.*)?[.\s]*$",
    re.I,
)
_DIRECT = re.compile(r"(the )?direct approach worked", re.I)
_EMPTY_HANDED = re.compile(r"(n/?a|none|nothing)\b", re.I)


_DIGIT = re.compile(r"\d")


def excerpt(skill: Skill) -> Skill:
    """The page with what may be quoted of it to a goal: on 1,855 real ones, a tenth of the rows.

    It has the same failed attempts, findings, cautions, settings, parameters and evidence; all
    other rows, blocks, sections and problems are left out.
    """
    return replace(
        skill,
        sections=(),
        empty_attempts=(),
        rows=tuple(r for r in skill.rows if _is_finding(r) or _is_caution(r) or _is_setting(r)),
        blocks=skill.parameters,
        problems=(),
    )


@lru_cache(maxsize=4_096)
def _names_findings(title: str) -> bool:
    """Kept: a section has one title and many rows."""
    return bool(_FINDING_TITLE.search(title))


def _is_finding(row: Row) -> bool:
    return _names_findings(row.section) or _FINDING_LABEL.match(row.cells[0]) is not None


def _is_caution(row: Row) -> bool:
    return _CAUTION_TITLE.search(row.section) is not None


def _is_setting(row: Row) -> bool:
    if _names_nothing(row.header) and not _PARAMETER_TITLE.search(row.section):
        return False  # `Field | Value` says what a page is about: its date, its objective
    return any(_SETTING_HEAD.search(head) for head in row.header)


def _names_nothing(header: Sequence[str]) -> bool:
    return len(header) == 2 and header[0].strip("* ").lower() in _NAMES_NOTHING


def _opened(path: str, flags: int) -> int:
    """A descriptor of a file; a pipe, of which a reader would wait for a writer, is refused."""
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "a pipe")
    return descriptor


_UNREAD = "the file cannot be read: "


def is_unread(skill: Skill) -> bool:
    """Whether the file of a page could not be opened when it was read."""
    return any(problem.what.startswith(_UNREAD) for problem in skill.problems)


def read_file(path: Path, registry: Path) -> Skill:
    """The page at `path`; a file that cannot be opened is a Skill with a problem.

    A grade of evidence that takes runs counts only where these lie beside the page.
    """
    try:
        with open(path, "rb", opener=_opened) as file:
            content = file.read(LONGEST_FILE + 1)
    except OSError as error:
        problem = Problem(1, f"{_UNREAD}{error.strerror or error}", "check it.")
        return Skill(_name_from(path), path, registry, problems=(problem,))
    problems = []
    if len(content) > LONGEST_FILE:
        what = f"more than {LONGEST_FILE:,} bytes; the rest was not read"
        problems.append(Problem(1, what, "split the page."))
    try:
        text = content[:LONGEST_FILE].decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problems.append(Problem(line, "bytes that are not UTF-8", "save the page as UTF-8."))
        text = content[:LONGEST_FILE].decode("utf-8", errors="replace")
    skill = read(text, path, registry, problems)
    stated = skill.metadata.get("evidence", "").lower()
    is_claimed = stated == "replicated" or (stated in _OF_RUNS and not _has_runs(path))
    return without_grade(skill) if is_claimed else skill


def without_grade(skill: Skill) -> Skill:
    """The page with the grade that it states kept as a claim."""
    claimed = {CLAIMED if key == "evidence" else key: v for key, v in skill.metadata.items()}
    return replace(skill, metadata=claimed)


def _has_runs(path: Path) -> bool:
    """Whether the runs that a grade is counted from lie in the folder of a page, by no link out."""
    runs = path.parent / "evidence" / "runs.csv"
    if path.name.upper() != "SKILL.MD" or not os.path.isfile(runs):  # noqa: PTH113
        return False
    return Path(os.path.realpath(runs)).is_relative_to(os.path.realpath(path.parent))


def read_head(path: str) -> Skill:
    """Name, description and metadata of the page at `path`, which it leaves out as the body."""
    try:
        with open(path, "rb", buffering=0, opener=_opened) as file:
            content = file.read(_LONGEST_HEAD)
    except OSError:
        content = b""
    lines = _lines(content.decode("utf-8", errors="replace"), [])
    head, body = frontmatter.read(lines, [])
    name = head.pop("name", "") or _name_from(Path(path))
    text = (line.strip("# ") for line in lines[body:])
    description = head.pop("description", "") or next((line for line in text if line), "")
    return Skill(name, _NOWHERE, _NOWHERE, description, head)


_NOWHERE = Path()


def read(
    text: str, path: Path = Path(), registry: Path = Path(), known: Sequence[Problem] = ()
) -> Skill:
    """The Skill that a text holds.

    Args:
        text: a whole page, any text at all.
        path: where it lies; gives the name where the page has none.
        registry: the folder that it was found under.
        known: problems met before, kept in front of those met here.
    """
    problems = list(known)
    lines = _lines(text, problems)
    head, body = frontmatter.read(lines, problems)
    items = list(scan(lines[body:], body + 1, problems))
    placed = list(_placed(items))
    failed = list(_attempts(placed))
    quoted = {attempt.line for attempt in failed}
    title = next((i.title for i in items if isinstance(i, Heading) and i.level == 1), "")
    name = head.pop("name", "") or _name_from(path)
    description = head.pop("description", "")
    if not description:
        description = next((i.text for i in items if isinstance(i, Paragraph)), "")[:1024]
        problems.append(Problem(1, "no description", "say in one line when to use this page."))
    elif len(description) > 1024:
        what = f"a description of {len(description):,} characters"
        problems.append(Problem(1, what, "shorten it to 1,024."))
    if path.name and name != _name_from(path):
        problems.append(Problem(1, f"name {name!r} is not {_name_from(path)!r}", "name it so."))
    return Skill(
        name=name,
        path=path,
        registry=registry,
        description=description,
        metadata=head,
        title=title,
        sections=tuple(_sections(items)),
        attempts=tuple(a for a in failed if not _says_nothing(a)),
        empty_attempts=tuple(a for a in failed if _says_nothing(a)),
        rows=tuple(row for row in _rows(placed) if row.line not in quoted),
        blocks=tuple(
            Block(item.line, place.title, item.language, item.text)
            for item, place in placed
            if isinstance(item, Fence)
        ),
        problems=tuple(sorted(problems, key=lambda problem: problem.line)),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an item stands: its nearest heading, and the failed section around it, if any."""

    title: str = ""
    line: int = 0
    failed_line: int = 0
    failed: bool = False


def _lines(text: str, problems: list[Problem]) -> list[str]:
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        problems.append(Problem(line, "NUL characters", "delete them."))
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\0", " ").replace("\u2028", " ").split("\n")


def _name_from(path: Path) -> str:
    return path.parent.name if path.name.upper() == "SKILL.MD" else path.stem


def _placed(items: Sequence[Item]) -> Iterator[tuple[Item, _Place]]:
    """Each item but headings, with its place."""
    open_headings: list[Heading] = []
    place = _Place()
    for item in items:
        if isinstance(item, Heading):
            while open_headings and open_headings[-1].level >= item.level:
                open_headings.pop()
            open_headings.append(item)
            # A first heading with the word in it is the page's title, not a section of failures.
            failed = next(
                (h for h in open_headings if h.level > 1 and _FAILED_TITLE.search(h.title)), None
            )
            place = _Place(item.title, item.line, failed.line if failed else 0, failed is not None)
        else:
            yield item, place


def _sections(items: Sequence[Item]) -> Iterator[Section]:
    open_heading: Heading | None = None
    texts: list[str] = []
    for item in [*items, Heading(0, 1, "")]:
        if isinstance(item, Heading):
            if open_heading or texts:
                start = open_heading or Heading(1, 0, "")
                yield Section(start.title, start.level, start.line, "\n".join(texts))
            open_heading, texts = item, []
        elif isinstance(item, TableRow):
            texts.append(" | ".join(item.cells))
        elif not isinstance(item, Fence):
            texts.append(item.text)


def _rows(placed: Sequence[tuple[Item, _Place]]) -> Iterator[Row]:
    for item, place in placed:
        if isinstance(item, TableRow):
            yield Row(item.line, place.title, item.cells, item.header)
        elif isinstance(item, ListItem) or (isinstance(item, Paragraph) and item.text[:2] == "**"):
            yield Row(item.line, place.title, (item.text,))


def _attempts(placed: Sequence[tuple[Item, _Place]]) -> Iterator[Attempt]:
    """Failed attempts in the order of the page: rows, list items, or sub-headings with prose."""
    for place, group in groupby(placed, key=lambda pair: pair[1]):
        items = [item for item, _ in group]
        found: list[Attempt] = []
        for item in items:
            if isinstance(item, TableRow) and (place.failed or _is_failed_table(item.header)):
                found.append(_from_row(item))
        if place.failed and not found:
            found = list(_from_prose(items, place))
        yield from found


def _is_failed_table(header: Sequence[str]) -> bool:
    """True for columns of what was tried and why it failed, in whatever section."""
    tried = any(re.search(r"attempt|approach|tried", cell, re.I) for cell in header)
    failed = any(re.search(r"\bfail|went wrong|root cause", cell, re.I) for cell in header)
    return tried and failed


def _says_nothing(row: Attempt) -> bool:
    cells = [cell.strip(" *_`") for cell in (row.attempt, row.why, row.lesson)]
    if all(len(cell) < 200 and _NOTHING.match(cell) for cell in cells):
        return True
    why = cells[1]
    is_empty = not why or _DIRECT.match(why) or (len(why) < 200 and _NOTHING.match(why))
    return bool(is_empty and _EMPTY_HANDED.match(cells[0]))


def _from_row(row: TableRow) -> Attempt:
    """Columns by their words, not their place; those that say nothing known join the attempt."""
    parts: dict[str, list[str]] = {"attempt": [], "why": [], "lesson": []}
    for index, (head, cell) in enumerate(zip(row.header, row.cells, strict=True)):
        if not cell or head.lower() in ("from", "date"):
            continue
        if index == 0:  # the first column names the row, whatever its header is
            kind = "attempt"
        elif _LESSON.search(head):
            kind = "lesson"
        elif _TRIED.search(head) and not _WHY.search(head):
            kind = "attempt"
        elif _WHY.search(head):
            kind = "why"
        else:
            kind = "why" if not parts["why"] else "lesson"
        parts[kind].append(cell)
    return Attempt(
        ": ".join(parts["attempt"]), "; ".join(parts["why"]), "; ".join(parts["lesson"]), row.line
    )


def _from_prose(items: Sequence[Item], place: _Place) -> Iterator[Attempt]:
    """A list gives an attempt an item; a sub-heading one for all below it."""
    texts = [item for item in items if isinstance(item, (ListItem, Paragraph))]
    if place.line != place.failed_line:
        labelled = [(_LABEL.match(item.text), item.text) for item in texts]
        lesson = [t[m.end() :] for m, t in labelled if m and _LESSON.search(m[1])]
        why = [t for m, t in labelled if not (m and _LESSON.search(m[1]))]
        yield Attempt(place.title, " ".join(why), " ".join(lesson), place.line)
        return
    listed = [item for item in texts if isinstance(item, ListItem)]
    for item in listed or texts:
        first, *rest = _BREAK.split(item.text, maxsplit=1)
        yield Attempt(first.strip(" *_"), " ".join(rest).strip(" *_"), "", item.line)


_CITATION = re.compile(
    r"(?<!\w)\[[\w.+#-]+:\d+\]|\[[\w.+#-]+:\d+, (?:" + "|".join(GRADES) + r")[^\[\]]*\]?"
)
"""A source as advice names it; `x[lo:10]` of some code is none. A grade needs no bracket behind
it: in `[a:1, one run [b:2]]` what stands inside would be all that is found."""

_NOTE = re.compile(r"\[[^\]]*\]:[ \t]*(?:#|<>)")
"""How markdown's own comment begins, which a renderer shows to nobody."""


def label(skill: Skill) -> str:
    """What a page is cited and asked for by: its name, if that holds nothing but a name."""
    return citable(skill.name)


def citable(name: str) -> str:
    """A name as it is cited."""
    return name if re.fullmatch(r"[\w.+-]{1,64}", name) else slug(name, 64)


@lru_cache(maxsize=512)  # what is picked is shown, and clipped when it is
def visible(text: str) -> str:
    """One line of plain text: no control or invisible characters, no markup that could act.

    Nor does it cite a page: only who quotes it says where a line is from.
    """
    if not (text.isascii() and text.isprintable() and "<!--" not in text and "]:" not in text):
        text = seen(text)
    # What acts is looked for last: without ticks and stars there may be more of it.
    text = text.replace("`", "").replace("**", "")
    if "<!--" in text:
        text = re.sub(r"<!--.*?(?:-->|$)", " ", text, flags=re.S)
    text = " ".join(text.split()).lstrip("#> ")
    if "[" in text:
        text = _CITATION.sub(lambda source: f"({source[0][1:].replace(']', ')')}", text)
    return "" if _NOTE.match(text) else text
