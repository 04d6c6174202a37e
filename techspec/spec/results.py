"""A spec and its results in, the spec with the results written into it out.

Everything outside the markers stays as it is, byte for byte.
"""

import re

from techspec.spec.blocks import Code, Heading, blocks, split_lines

OPENING = "<!-- techspec:results -->"
CLOSING = "<!-- /techspec:results -->"

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_ENDING = re.compile(r"\r\n|\n|\r")
_MARKER = re.compile(r"<!--(?=\s*/?techspec:results\s*-->)")


def replace(text: str, results: str) -> str:
    """The text with `results` as its one block of results.

    The block stands where it stood; or else at the end of the section Results; or else in a new
    section at the end of the file. Line endings are those of the text, and a missing newline at
    the end of the file stays missing.
    """
    lines = _LINE.findall(text)
    ending = found.group() if (found := _ENDING.search(text)) else "\n"
    body = [OPENING, *_body(results), CLOSING]
    existing = find(text)
    if existing is not None:
        first, last = existing
        rest = _ENDING.search(lines[last - 1])
        written = ending.join(body) + (rest.group() if rest else "")
        return "".join([*lines[:first], written, *lines[last:]])
    at, has_section = _place(text, lines)
    if not has_section:
        body = ["## Results", "", *body]
    return _inserted(lines, at, body, ending)


def find(text: str) -> tuple[int, int] | None:
    """The lines of the block of results, markers included: first and behind the last, from 0.

    Markers in a code block do not count, nor one without its partner.
    """
    if OPENING not in text or CLOSING not in text:
        return None
    code = _code_lines(text)
    first: int | None = None
    for index, line in enumerate(split_lines(text.removeprefix("\ufeff"))):
        if index in code:
            continue
        if line.strip() == OPENING:
            first = index
        elif line.strip() == CLOSING and first is not None:
            return first, index + 1
    return None


def _body(results: str) -> list[str]:
    """The lines of the results, unable to end the block early or to hide its end."""
    escaped = _MARKER.sub("&lt;!--", results).strip("\r\n")
    if not escaped:
        return []
    lines = split_lines(escaped)
    for block in blocks("\n".join([OPENING, *lines, CLOSING])):
        if isinstance(block, Code) and block.end == len(lines) + 2:
            fence = lines[block.line - 3].strip()
            length = len(fence) - len(fence.lstrip(fence[0]))
            lines.append(fence[0] * length)
    return lines


def _place(text: str, lines: list[str]) -> tuple[int, bool]:
    """The line to insert before, from 0, and whether it is in a section Results."""
    found = blocks(text)
    headings = [block for block in found if isinstance(block, Heading)]
    named = [heading for heading in headings if heading.title.lower() == "results"]
    if named:
        section = min(named, key=lambda heading: heading.level)
        end = next(
            (
                heading.line - 1
                for heading in headings
                if heading.line > section.line and heading.level <= section.level
            ),
            len(lines),
        )
    else:
        section, end = None, len(lines)
    # Behind an unclosed fence nothing is markdown any more.
    for block in found:
        if isinstance(block, Code) and not block.is_closed and block.line - 2 < end:
            if section is None or block.line > section.line:
                end = block.line - 2
            break
    while end > 0 and not lines[end - 1].strip():
        end -= 1
    return end, section is not None


def _inserted(lines: list[str], at: int, body: list[str], ending: str) -> str:
    before, behind = "".join(lines[:at]), "".join(lines[at:])
    written = ending.join(body)
    if before:
        gap = ending if _ENDING.search(lines[at - 1]) else ending * 2
        written = gap + written
    if behind:
        written += ending if not lines[at].strip() else ending * 2
    elif not before or _ENDING.search(lines[at - 1]):
        written += ending
    return before + written + behind


def _code_lines(text: str) -> set[int]:
    return {
        index
        for block in blocks(text)
        if isinstance(block, Code)
        for index in range(block.line - 1, block.end)
    }
