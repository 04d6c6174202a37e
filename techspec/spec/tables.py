"""The tokens of a markdown table in, its header and rows as plain text out, with their lines.

Reading is lenient: a short row is filled with empty cells, a long one keeps what is left over.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from techspec.spec import markup

LONGEST = 200
"""Characters of surplus cells that are kept, to be quoted."""

_PIPE = re.compile(r"(?<!\\)\|")
_COMMENT = re.compile(r"<!--.*?-->")


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `cells` is as long as the header; `surplus` is what stood behind the last column."""

    line: int
    cells: tuple[str, ...]
    surplus: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `after` holds lines without any pipe that markdown counts as its last rows."""

    line: int
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    after: tuple[tuple[int, str], ...] = ()

    def column(self, *names: str) -> int | None:
        """Index of the first column whose header is one of `names` (lower case)."""
        for index, title in enumerate(self.header):
            if " ".join(title.lower().split()).rstrip(":") in names:
                return index
        return None


def table(tokens: Sequence[Token], lines: Sequence[str]) -> Table:
    """The table that `tokens` are, from its opening token to its closing one.

    Args:
        tokens: of one table, as the block parser gave them, without inline children.
        lines: of the whole text, to tell a row from prose that touches the table.
    """
    rows = list(_rows(tokens))
    line, header = rows[0]
    body: list[Row] = []
    after: list[tuple[int, str]] = []
    for row_line, cells in rows[1:]:
        source = lines[row_line - 1]
        if after or "|" not in source:
            after.append((row_line, source.strip()))
        else:
            body.append(Row(row_line, cells, _surplus(source, len(header))))
    return Table(line, header, tuple(body), tuple(after))


def _rows(tokens: Sequence[Token]) -> Iterator[tuple[int, tuple[str, ...]]]:
    cells: list[str] = []
    line = 0
    for token in tokens:
        if token.type == "tr_open":
            cells, line = [], (token.map or [0])[0] + 1
        elif token.type == "inline":
            cells.append(markup.plain(token.content))
        elif token.type == "tr_close":
            yield line, tuple(cells)


def _surplus(source: str, columns: int) -> str:
    cells = _PIPE.split(source.strip())
    inner = cells[1:] if not cells[0] else cells
    return _COMMENT.sub("", " ".join(inner[columns:])[:LONGEST]).strip()
