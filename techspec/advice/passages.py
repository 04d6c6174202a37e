"""A page in, the passages that may be quoted from it out, each with its place.

They are as the page has them until they are picked, or made `plain`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from techspec.advice.model import Quote
from techspec.skill.page import Row, Skill, visible

Quoting = Callable[[str, int], Quote]
"""A quote of a text at a line."""

Pick = Callable[[Sequence[Quote], int], tuple[Quote, ...]]
"""The most telling of some quotes, at most so many, made plain."""

_OUTCOME = re.compile(r"\W*(outcome|key finding|key result)s?\b", re.I)
_IDS_ALONE = re.compile(r"(?:H\d+|CONFIRMED|REFUTED|INCONCLUSIVE|VOID|[;,\s])+")
_JUDGED = re.compile(r"predictions", re.I)
_GOES_ON = ":,;.!?{[(|>\\"
_CLOSES = "}])"


def quoting(label: str, evidence: str) -> Quoting:
    """Quotes of a page by its label and its grade of evidence, which takes a while to tell."""
    return lambda text, line: Quote(text, f"{label}:{line}", evidence)


def failed(page: Skill, quote_of: Quoting) -> list[Quote]:
    """What was tried and failed, with why and what to do instead."""
    quotes = []
    for row in page.attempts:
        parts = [row.attempt, f"failed: {row.why}" if row.why else ""]
        parts.append(f"lesson: {row.lesson}" if row.lesson else "")
        quotes.append(quote_of("; ".join(part for part in parts if part), row.line))
    return quotes


def found(page: Skill, quote_of: Quoting, pick: Pick, most: int, typed: bool) -> tuple[Quote, ...]:
    """The outcome first, then what tells most; where findings are typed, these say the verdicts."""
    rows = [row for row in page.findings if not (typed and _is_verdict(row))]
    first = [row for row in rows if _OUTCOME.match(row.cells[0])][:1]
    outcome = plain(quote_of(row.text, row.line) for row in first)
    others = [quote_of(row.text, row.line) for row in rows if row not in first]
    return outcome + pick(others, most - len(outcome))


def parameters(page: Skill, quote_of: Quoting) -> list[Quote]:
    """Values to copy: blocks behind their heading, and rows of tables, each cell by its header."""
    quotes = [
        quote_of(f"{block.section}: {_in_one_line(block.text)}", block.line)
        for block in page.parameters
    ]
    return quotes + [quote_of(row.text, row.line) for row in page.settings]


def _in_one_line(block: str) -> str:
    """The lines of a block, with a semicolon where neither end nor beginning sets them apart."""
    lines = [line.strip() for line in block.splitlines() if line.strip()]
    said = [
        line if line[-1] in _GOES_ON or after[0] in _CLOSES else f"{line};"
        for line, after in pairwise(lines)
    ]
    return " ".join([*said, *lines[-1:]])


def cautions(page: Skill, quote_of: Quoting) -> list[Quote]:
    """What the page itself says to doubt."""
    return [quote_of(row.text, row.line) for row in page.cautions]


def everything(page: Skill, quote_of: Quoting) -> tuple[Quote, ...]:
    """All that may be quoted, failed attempts first, made plain."""
    rows = [quote_of(row.text, row.line) for row in page.rows]
    copied = [quote for quote in parameters(page, quote_of) if quote not in rows]
    return plain([*failed(page, quote_of), *rows, *copied])


def plain(quotes: Iterable[Quote]) -> tuple[Quote, ...]:
    """The quotes in one line of plain text each."""
    return tuple(replace(quote, text=visible(quote.text)) for quote in quotes)


def _is_verdict(row: Row) -> bool:
    """A row of judged claims, or one that says of hypotheses by their number how they came out."""
    return bool(_JUDGED.search(row.section) or _IDS_ALONE.fullmatch(" ".join(row.cells[1:])))
