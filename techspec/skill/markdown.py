"""Markdown lines in, headings, table rows, list items, paragraphs and fences out. Never raises.

Lenient where real pages are broken: a fence or comment that is never closed is passed over.
"""

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from techspec.spec.model import Problem

LONGEST_LINE = 20_000
"""Characters of a line that are read; longest met in 1,855 real pages: about 5,000."""

LONGEST_TITLE = 300
"""Characters of a heading that are read."""

_MISSING_MAX = 20
"""Cells that are added to a row which is too short; in 1,855 real pages none lacked more than 2."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `level` from 1 to 6."""

    line: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row below a table's header, as many cells as the header has.

    Of a header with many more cells than the row, only the first are here.
    """

    line: int
    header: tuple[str, ...]
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListItem:
    """A list item with its continuation lines, its marker left out."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Any other text, its lines joined."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block; `text` without the fences."""

    line: int
    language: str
    text: str


Item = Heading | TableRow | ListItem | Paragraph | Fence

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
# A second `+` gives nothing back: that would help no match, and takes n^2 steps to find out.
_FENCE = re.compile(r"\s*(?:[-*+>]\s+)?(`{3,}+|~{3,}+)\s*+([^`\s]*+)[^`]*+$")
_DELIMITER_CELL = re.compile(r":?-+:?")
_LIST = re.compile(r"\s*(?:>\s*)*(?:[-*+]|\d{1,9}[.)])\s+(?=\S)")
_RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$")
_CELL_END = re.compile(r"(?<!\\)\|")


def scan(lines: Sequence[str], first_line: int, problems: list[Problem]) -> Iterator[Item]:
    """The items of a page in order; what could not be read is added to `problems`.

    Args:
        lines: without line ends.
        first_line: number of the first of them in the file, from 1.
        problems: appended to while iterating.
    """
    never_closed: dict[str, int] = {}
    at = 0
    while at < len(lines):
        line = lines[at][:LONGEST_LINE]
        number = first_line + at
        if len(lines[at]) > LONGEST_LINE:
            problems.append(
                Problem(number, f"line of {len(lines[at]):,} characters, cut", "break the line.")
            )
        end = _closing(lines, at, never_closed)
        if end is not None:
            opening = _FENCE.match(line)
            if opening:
                yield Fence(number, opening[2].lower(), "\n".join(lines[at + 1 : end]))
            at = end + 1
        elif not line.strip() or _RULE.match(line):
            at += 1
        elif _never_closed_here(line, never_closed):
            problems.append(Problem(number, "a fence that is never closed", "close the fence."))
            at += 1
        elif heading := _HEADING.match(line):
            yield Heading(number, len(heading[1]), _plain_title(heading[2]))
            at += 1
        elif at + 1 < len(lines) and _is_underlined(lines, at):
            yield Heading(number, 1 if "=" in lines[at + 1] else 2, _plain_title(line))
            at += 2
        elif "|" in line and at + 1 < len(lines) and _is_delimiter(lines[at + 1]):
            at = yield from _table(lines, at, first_line, problems)
        else:
            at = yield from _text(lines, at, first_line)


def split_cells(line: str) -> list[str]:
    r"""The cells of a table row.

    >>> split_cells(r"| a \| b | c |")
    ['a | b', 'c']
    """
    inside = line.strip().removeprefix("|")
    if inside.endswith("|") and not inside.endswith("\\|"):
        inside = inside[:-1]
    return [cell.strip().replace("\\|", "|") for cell in _CELL_END.split(inside)]


def _closing(lines: Sequence[str], at: int, never_closed: dict[str, int]) -> int | None:
    """Index of the line that closes the fence or comment opened at `at`; None if none does."""
    line = lines[at]
    if fence := _FENCE.match(line[:LONGEST_LINE]):
        mark, length = fence[1][0], len(fence[1])
        if length >= never_closed.get(mark, len(line) + 1):
            return None
        for index in range(at + 1, len(lines)):
            text = lines[index].strip()
            if len(text) >= length and not text.strip(mark):
                return index
        never_closed[mark] = length
    elif line.lstrip().startswith("<!--"):
        if "-->" in line:
            return at if not line.split("-->", 1)[1].strip() else None
        if "<" in never_closed:
            return None
        for index in range(at + 1, len(lines)):
            if "-->" in lines[index]:
                return index
        never_closed["<"] = 1
    return None


def _never_closed_here(line: str, never_closed: dict[str, int]) -> bool:
    return bool(never_closed) and _FENCE.match(line) is not None


def _is_underlined(lines: Sequence[str], at: int) -> bool:
    alone = at == 0 or not lines[at - 1].strip()
    return (
        alone
        and bool(_UNDERLINE.match(lines[at + 1]))
        and not _LIST.match(lines[at])
        and ("|" not in lines[at])
    )


def _is_delimiter(line: str) -> bool:
    return (
        "-" in line
        and "|" in line
        and len(line) < 2_000
        and all(_DELIMITER_CELL.fullmatch(cell) for cell in split_cells(line))
    )


def _table(
    lines: Sequence[str], at: int, first_line: int, problems: list[Problem]
) -> Generator[TableRow, None, int]:
    header = tuple(split_cells(lines[at][:LONGEST_LINE]))
    index = at + 2
    while index < len(lines) and "|" in lines[index]:
        cells = split_cells(lines[index][:LONGEST_LINE])
        if len(cells) != len(header):
            what = f"a row of {len(cells)} cells below a header of {len(header)}"
            fix = "give it as many cells as the header; write a bar inside a cell as \\|."
            problems.append(Problem(first_line + index, what, fix))
        if len(cells) > len(header):
            last = len(header) - 1
            cells = [*cells[:last], " | ".join(cells[last:])]
        heads = header[: len(cells) + _MISSING_MAX]
        cells += [""] * (len(heads) - len(cells))
        if any(cell.strip(" -:") for cell in cells):
            yield TableRow(first_line + index, heads, tuple(cells))
        index += 1
    return index


def _text(
    lines: Sequence[str], at: int, first_line: int
) -> Generator[ListItem | Paragraph, None, int]:
    """One list item or paragraph: up to a blank line or to a line that starts something else."""
    marker = _LIST.match(lines[at])
    parts = [lines[at][marker.end() if marker else 0 :][:LONGEST_LINE].strip(" >\t")]
    index = at + 1
    while index < len(lines) and not _starts_something(lines, index):
        parts.append(lines[index][:LONGEST_LINE].strip(" >\t"))
        index += 1
    text = " ".join(parts).strip()
    if text:
        yield (ListItem if marker else Paragraph)(first_line + at, text)
    return index


def _starts_something(lines: Sequence[str], index: int) -> bool:
    line = lines[index]
    return (
        not line.strip()
        or bool(_HEADING.match(line))
        or bool(_LIST.match(line))
        or bool(_FENCE.match(line))
        or line.lstrip().startswith("<!--")
        or ("|" in line and index + 1 < len(lines) and _is_delimiter(lines[index + 1]))
    )


def _plain_title(title: str) -> str:
    return title.rstrip().rstrip("#").strip("*_` \t")[:LONGEST_TITLE]
