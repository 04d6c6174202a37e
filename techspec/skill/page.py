"""A page of markdown in, a Skill out. Never raises, never drops a page; problems carry a line."""

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, groupby
from pathlib import Path

from techspec.identity import slug
from techspec.skill import frontmatter
from techspec.skill.markdown import Fence, Heading, Item, ListItem, Paragraph, TableRow, scan
from techspec.skill.untrusted import seen
from techspec.spec.model import Problem

LONGEST_FILE = 2_000_000
"""Bytes of a page that are read; the longest of 1,855 real ones has 300,000."""

_LONGEST_LABEL = 60
"""Characters of a bold label that is told with each item of its list."""

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
    lead: str = ""
    """The bold label with nothing behind it that a list item stands below: `**Not meant for:**`."""

    @property
    def text(self) -> str:
        """In one line, each cell behind its header, a list item behind its label."""
        if not self.header:
            return " ".join([self.lead, *self.cells]).strip()
        if _names_nothing(self.header):
            return ": ".join(cell for cell in self.cells if cell)
        named = [(head, cell) for head, cell in zip(self.header, self.cells, strict=True) if cell]
        return "; ".join(
            f"{head}: {cell}" if _LETTER.search(head) else cell for head, cell in named
        )


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
    is_draft: bool = False
    """Whether it was read from a text that may become a page, and not from its file."""
    counted: str = ""
    """The grade that somebody counted from runs elsewhere; it goes before the page's own word."""

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
        return tuple(row for row in self.rows if _is_finding(row, self.title))

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

        A grade that follows from runs counts only with these beside the page: nobody can count
        them again elsewhere. The text of a page that was not saved yet is taken at its word.
        """
        if self.counted:
            return self.counted
        stated = self.metadata.get("evidence", "").lower()
        if stated in GRADES and not (
            stated in _OF_RUNS and not self.is_draft and not _has_runs(self.path)
        ):
            return stated
        counted = any(_NUMBER.search(row.text) for row in self.findings)
        return "reported" if counted else "anecdote"


GRADES = ("replicated", "measured over seeds", "one run", "reported", "anecdote")
"""Grades of evidence, strongest first."""

_OF_RUNS = GRADES[:3]
"""Grades that follow from a campaign's runs."""

_LETTER = re.compile(r"[^\W_]")
_PARAMETER_TITLE = re.compile(r"param|config|setting", re.I)
_FINDING_TITLE = re.compile(r"result|finding|insight|outcome|takeaway|learned", re.I)
_STEP = re.compile(r"(?:step|phase)\s*\d[\w.]*\W+", re.I)
_NAMES_NOTHING = frozenset({"", "item", "field", "property", "key", "attribute", "aspect", "what"})
_CAUTION_TITLE = re.compile(r"not add up|caveat|limitation|caution|open question|known issue", re.I)
_FINDING_LABEL = re.compile(
    r"\W*(?:key )?(?:finding|insight|result|takeaway|outcome)s?"
    r"[*_]*+\s*+(?:\([^()]*\)[*_]*+\s*+)?(?:[:：—–]|$)",
    re.I,
)
"""Closed by a colon, a dash, or its cell: `Finding bugs` and `result-diagnosis` label nothing."""
_TELLING = re.compile(r"\d|[:=→]|[぀-ヿ㐀-鿿가-힣]|\w\W+\w+\W+\w")
"""In what tells something: a number, a pair, or three words; a script without spaces has words."""
_MEASURED_HEAD = re.compile(r"metric|measure", re.I)
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


_NUMBER = re.compile(r"(?<![\w.#:/@-])(?!\d{4}-\d\d|\d+\.\d+\.\d)\d")
"""A number that may be a measurement: none of a date, a version, an issue, a line or a name. On
1,855 real pages it makes anecdotes of 100 of 572 that any digit would have as `reported`."""


def excerpt(skill: Skill) -> Skill:
    """The page with what may be quoted of it to a goal: on 1,855 real ones, a tenth of the rows.

    It has the same failed attempts, findings, cautions, settings, parameters and evidence; all
    other rows, blocks, sections and problems are left out.
    """
    return replace(
        skill,
        sections=(),
        empty_attempts=(),
        rows=tuple(
            row
            for row in skill.rows
            if _is_finding(row, skill.title) or _is_caution(row) or _is_setting(row)
        ),
        blocks=skill.parameters,
        problems=(),
    )


@lru_cache(maxsize=4_096)
def _names_findings(title: str) -> bool:
    """Kept: a section has one title and many rows.

    `Step 4 - Draft the results` says what to do, and `Phase 2: Results` what came out.
    """
    if step := _STEP.match(title):
        return _FINDING_TITLE.match(title, step.end()) is not None
    return _FINDING_TITLE.search(title) is not None


def _is_finding(row: Row, page_title: str) -> bool:
    """Of a section of findings, which a page's title does not begin, or behind such a label."""
    if len(row.header) > 1 and all(map(_SETTING_HEAD.search, row.header[:2])):
        return False  # `Parameter | Value`, in whatever section
    is_labelled = any(map(_FINDING_LABEL.match, (row.lead, row.cells[0])))
    is_among = row.section != page_title and _names_findings(row.section)
    return (is_labelled or is_among) and _says_something(row)


def _is_caution(row: Row) -> bool:
    return _CAUTION_TITLE.search(row.section) is not None and not _is_lead(row.cells[-1])


def _is_setting(row: Row) -> bool:
    if not row.header or _MEASURED_HEAD.search(row.header[0]):
        return False
    if _names_nothing(row.header) and not _PARAMETER_TITLE.search(row.section):
        return False  # `Field | Value` says what a page is about: its date, its objective
    return any(_SETTING_HEAD.search(head) for head in row.header)


def _says_something(row: Row) -> bool:
    """False for a lead-in to what follows it, and for a word or two such as `Outcome: Success`."""
    if row.header and not _names_nothing(row.header):
        return True
    label = None if row.header else _FINDING_LABEL.match(row.cells[0])
    said = row.cells[0][label.end() :] if label else row.cells[-1]
    return not _is_lead(said) and _TELLING.search(said) is not None


def _is_lead(text: str) -> bool:
    return text.rstrip(" *_`").endswith((":", "："))


def _names_nothing(header: Sequence[str]) -> bool:
    return len(header) == 2 and header[0].strip("* ").lower() in _NAMES_NOTHING


def _has_runs(path: Path) -> bool:
    """Whether runs lie in the folder of a page, by no link out."""
    runs = path.parent / "evidence" / "runs.csv"
    if path.name.upper() != "SKILL.MD" or not os.path.isfile(runs):  # noqa: PTH113
        return False
    return Path(os.path.realpath(runs)).is_relative_to(os.path.realpath(path.parent))


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
    """The page at `path`; a file that cannot be opened is a Skill with a problem."""
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
    return replace(read(text, path, registry, problems), is_draft=False)


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
        is_draft=True,
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
    lead, below = "", _Place()
    for item, place in placed:
        if isinstance(item, TableRow):
            yield Row(item.line, place.title, item.cells, item.header)
        elif isinstance(item, ListItem):
            yield Row(item.line, place.title, (item.text,), lead=lead if place is below else "")
            continue
        elif isinstance(item, Paragraph) and item.text[:2] == "**":
            yield Row(item.line, place.title, (item.text,))
        lead, below = _label_of_list(item), place


def _label_of_list(item: Item) -> str:
    """The bold label that a paragraph is, if it is nothing else."""
    if not isinstance(item, Paragraph) or len(item.text) > _LONGEST_LABEL:
        return ""
    return item.text if item.text[:2] == "**" and _is_lead(item.text) else ""


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
    cells = list(zip(row.header, row.cells, strict=True))
    # One that only counts the rows names none.
    first = 1 if len(cells) > 2 and _TRIED.search(cells[0][0]) and _is_count(cells[0][1]) else 0
    for index, (head, cell) in enumerate(cells[first:]):
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


def _is_count(cell: str) -> bool:
    return cell.strip("#*.() ").isdigit()


def _from_prose(items: Sequence[Item], place: _Place) -> Iterator[Attempt]:
    """A list gives an attempt an item; a sub-heading one for all below it."""
    texts = [
        item
        for item in items
        if isinstance(item, (ListItem, Paragraph)) and not _BAR.match(item.text)
    ]
    if place.line != place.failed_line:
        yield _from_labelled([item.text for item in texts], place)
        return
    listed = [item for item in texts if isinstance(item, ListItem)]
    for item in listed or texts:
        first, *rest = _BREAK.split(item.text, maxsplit=1)
        yield Attempt(first.strip(" *_"), " ".join(rest).strip(" *_"), "", item.line)


def _from_labelled(texts: Sequence[str], place: _Place) -> Attempt:
    """What was tried, why it failed and the lesson by their labels; what has none is of the last.

    A label that says no more than its part has in advice is left out, as is one with nothing
    behind it.
    """
    parts: dict[str, list[str]] = {"attempt": [place.title], "why": [], "lesson": []}
    kind = "why"
    for text in chain.from_iterable(map(_BEFORE_LABEL.split, texts)):
        label = _LABEL.match(text)
        if label:
            told = next((k for k, words in _LABELS if words.search(label[1])), "")
            kind = told or "why"
            if told or label.end() == len(text):
                text = text[label.end() :]
        if text:
            parts[kind].append(text)
    return Attempt(
        ": ".join(parts["attempt"]), " ".join(parts["why"]), " ".join(parts["lesson"]), place.line
    )


_LABELS = (("lesson", _LESSON), ("why", _WHY), ("attempt", _TRIED))
_BEFORE_LABEL = re.compile(r"\s(?=\*\*[A-Za-z' ]{2,24}(?::\*\*|\*\*:))")
_BAR = re.compile(r"\\?\|")
"""How a row of a table begins that is none, as its delimiter is broken or its bars are escaped."""

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
    return name if _CITABLE.fullmatch(name) else slug(name, 64)


_CITABLE = re.compile(r"[\w.+-]{1,64}")


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
