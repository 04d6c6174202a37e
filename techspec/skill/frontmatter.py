"""The head of a page in, its values as text out. Broken YAML is read line by line."""

import re
from collections.abc import Sequence

import yaml

from techspec.spec.model import Problem

LONGEST = 500
"""Lines that a head may have before we take its `---` for a rule; longest met: 60."""

# Neither guesses what a scalar may be: `2025-12-29` stays what was written. C is 8 times faster.
_BASE: type[yaml.CBaseLoader | yaml.BaseLoader] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class _Loader(_BASE):  # type: ignore[misc, valid-type]
    """Leaves nodes without tags, which nobody reads and which take a fifth of the time."""

    def resolve(self, kind: object, value: object, implicit: object) -> str:
        return ""

    def descend_resolver(self, node: object, index: object) -> None:
        pass

    def ascend_resolver(self) -> None:
        pass


_FENCE = re.compile(r"-{3,}\s*$")
_KEY = re.compile(r"([A-Za-z][\w .-]{0,60}?)\s*:(?:\s+(.*)|\s*)$")


def read(lines: Sequence[str], problems: list[Problem]) -> tuple[dict[str, str], int]:
    """The values by key, those under `metadata:` beside the others, and the index of the body.

    Dates and numbers stay as they are written; lists are joined with commas.
    """
    start = next((n for n, line in enumerate(lines[:20]) if line.strip()), len(lines))
    if start == len(lines) or not _FENCE.match(lines[start]):
        problems.append(Problem(1, "no frontmatter", "begin with ---, name, description, ---."))
        return {}, start
    ends = range(start + 1, min(len(lines), start + LONGEST))
    end = next((n for n in ends if lines[n].rstrip() in ("---", "...")), None)
    if end is None:
        problems.append(Problem(start + 1, "frontmatter that never ends", "close it with ---."))
        end = next((n for n in ends if not _KEY.match(lines[n].strip())), len(lines))
        head, body = lines[start + 1 : end], end
    else:
        head, body = lines[start + 1 : end], end + 1
    try:
        node = yaml.compose("\n".join(head), Loader=_Loader)
        if not isinstance(node, yaml.MappingNode):
            raise ValueError("not a mapping")
        return _flat(node), body
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = start + 2 + (mark.line if mark else 0)
        what = f"frontmatter that is not YAML: {getattr(error, 'problem', None) or error}"
        problems.append(Problem(line, what, "put values that hold `: ` in double quotes."))
        return _by_line(head), body


def _flat(head: yaml.MappingNode) -> dict[str, str]:
    values: dict[str, str] = {}
    for key, value in _pairs(head).items():
        if key == "metadata" and isinstance(value, yaml.MappingNode):
            for inner, held in _pairs(value).items():
                if (text := _as_text(held)) is not None:
                    values.setdefault(inner, text)
        elif (text := _as_text(value)) is not None:
            values[key] = text
    return values


def _pairs(mapping: yaml.MappingNode) -> dict[str, yaml.Node]:
    return {key.value: value for key, value in mapping.value if isinstance(key, yaml.ScalarNode)}


def _as_text(value: yaml.Node) -> str | None:
    if isinstance(value, yaml.ScalarNode):
        return " ".join(value.value.split())
    if isinstance(value, yaml.SequenceNode):
        items = (item.value.split() for item in value.value if isinstance(item, yaml.ScalarNode))
        return ", ".join(map(" ".join, items))
    return None


def _by_line(head: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    top = key = ""
    for line in head:
        indented = line[:1].isspace()
        found = _KEY.match(line.strip())
        if found and (not indented or top == "metadata"):
            key = found[1]
            top = top if indented else key
            values[key] = _unquoted(found[2] or "").removeprefix(">-").removeprefix("|")
        elif key:
            item = line.strip().removeprefix("- ")
            comma = ", " if line.strip().startswith("- ") and values[key] else " "
            values[key] = (values[key] + comma + _unquoted(item)).strip()
    values.pop("metadata", None)
    return values


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text
