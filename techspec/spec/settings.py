"""Baseline, Run and Factors in, settings with their lines out. YAML is data, nothing is built."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from techspec.spec import markup
from techspec.spec.blocks import Code
from techspec.spec.model import Factor, Problem, RunSettings, Value
from techspec.spec.names import KeyOf, key_of, metric_of
from techspec.spec.ranges import surplus
from techspec.spec.sections import Part
from techspec.spec.units import value

LONGEST = 65_536
"""Characters of YAML that are read. A hundred settings take two thousand; this is room enough."""

_RUN_KEYS = {
    "trainer": str,
    "metric": str,
    "seeds": int,
    "seeds_at_once": int,
    "device": str,
    "workers": int,
    "seconds_per_trial": float,
    "seed_sd": float,
    "evaluation": tuple,
}
_SPELLINGS = {"command": "trainer", "seconds": "seconds_per_trial", "seed_spread": "seed_sd"}
_LISTS = tuple(key for key, kind in _RUN_KEYS.items() if kind is tuple)
_KINDS = {str: "text", int: "a whole number from 1", float: "a number above 0"}
_PAIR = re.compile(r"\s*[\w.-]+(?: [\w.-]+){0,2}\s?:\s?\S")
_FACTOR = re.compile(r"^(?P<name>[^:]+):\s*(?P<parameters>[^()]+?)\s*(?:\((?P<reason>.*)\))?\s*$")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One setting as written: `value` is None for an explicit null, or where there are `items`."""

    line: int
    key: str
    value: Value | None
    items: tuple[str, ...] = ()


def baseline(
    parts: Sequence[Part], key_of: KeyOf = key_of
) -> tuple[dict[str, Value], dict[str, int], tuple[Problem, ...]]:
    """The fixed values by trainer key, the line of each, and what could not be read."""
    values: dict[str, Value] = {}
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    for entry in _entries(parts, problems):
        key = key_of(entry.key)
        if not key or entry.value is None:
            continue
        if key in values:
            problems.append(_twice(entry.line, entry.key, lines[key]))
            continue
        values[key], lines[key] = entry.value, entry.line
    return values, lines, tuple(problems)


def run_settings(parts: Sequence[Part]) -> tuple[RunSettings, tuple[Problem, ...]]:
    """How to run; a key that is unknown or of another type keeps its default."""
    if not parts:
        return RunSettings(), ()
    settings = RunSettings(line=parts[0].heading.line)
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for entry in _entries(parts, problems, _LISTS):
        key = re.sub(r"[\W_]+", "_", entry.key.lower()).strip("_")
        key = _SPELLINGS.get(key, key)
        if key not in _RUN_KEYS:
            problems.append(_unknown(entry, key))
        elif key in seen:
            problems.append(_twice(entry.line, entry.key, seen[key]))
        else:
            seen[key] = entry.line
            settings, complaint = _with_setting(settings, key, entry)
            problems.extend(complaint)
    return settings, tuple(problems)


def factors(
    parts: Sequence[Part], key_of: KeyOf = key_of
) -> tuple[tuple[Factor, ...], tuple[Problem, ...]]:
    """Parameters that move as one, from lines such as `size: d_model, depth (why)`."""
    found: list[Factor] = []
    problems: list[Problem] = []
    for part in parts:
        for text in part.texts:
            written = " ".join(markup.plain(text.content).split())
            match = _FACTOR.match(written)
            items = re.split(r"[,+&]|\band\b", match["parameters"]) if match else []
            keys = tuple(key for item in items if (key := key_of(item)))
            if match is not None and keys:
                reason = (match["reason"] or "").strip()
                found.append(Factor(match["name"].strip(), keys, text.line, reason))
            elif text.item is not None:
                problems.append(
                    Problem(
                        text.line,
                        f"{written!r} does not name a factor and its parameters.",
                        "write it as size: d_model, depth (why they move as one).",
                    )
                )
    return tuple(found), tuple(problems)


def _with_setting(
    settings: RunSettings, key: str, entry: _Entry
) -> tuple[RunSettings, list[Problem]]:
    kind, given = _RUN_KEYS[key], entry.value
    if kind is tuple:
        written = entry.items or tuple(str(given if given is not None else "").split(","))
        items = dict.fromkeys(item.strip() for item in written if item.strip())
        return replace(settings, evaluation=tuple(items)), []
    if given is None:
        return settings, []
    fits = isinstance(given, str) and given.strip()
    if kind is not str:
        is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
        fits = is_number and given > 0 and (kind is float or isinstance(given, int))  # type: ignore
    if not fits:
        return settings, [
            Problem(
                entry.line,
                f"{entry.key!r} is {given!r}, which is not {_KINDS[kind]}.",
                f"write {_KINDS[kind]} behind {entry.key!r}, or leave the line out.",
            )
        ]
    read = metric_of(str(given)) if key == "metric" else kind(given)
    changes: dict[str, Any] = {key: read}
    return replace(settings, **changes), []


def _entries(
    parts: Sequence[Part], problems: list[Problem], lists: Sequence[str] = ()
) -> Iterator[_Entry]:
    """Every setting of the sections: rows of tables, keys of YAML blocks, `key: value` lines.

    Only the keys in `lists` may hold several values.
    """
    for part in parts:
        for table in part.tables:
            for row in table.rows:
                problems.extend(surplus(row))
                if len(row.cells) > 1 and row.cells[1]:
                    yield _Entry(row.line, row.cells[0], value(row.cells[1]))
        for code in part.codes:
            if code.info.lower() not in ("", "yaml", "yml", "json"):
                continue
            yield from _of_yaml(code, problems, lists)
        for text in part.texts:
            lines = markup.plain(text.content).split("\n")
            if all(_PAIR.match(line) for line in lines):  # not prose with a colon in it
                for line, written in enumerate(lines, text.line):
                    key, _, rest = written.partition(":")
                    yield _Entry(line, key.strip(), value(rest))


def _of_yaml(code: Code, problems: list[Problem], lists: Sequence[str]) -> Iterator[_Entry]:
    if len(code.content) > LONGEST:
        problems.append(
            Problem(code.line, "The block is too long to be settings.", "keep the settings only.")
        )
        return
    try:
        root = yaml.compose(code.content, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "it is no YAML"
        line = code.line + (mark.line if mark else 0)
        problems.append(
            Problem(
                min(line, max(code.line, code.end - 1)),
                f"The block cannot be read as YAML: {reason}.",
                "write one `key: value` a line.",
            )
        )
        return
    if root is None:
        return
    if not isinstance(root, yaml.MappingNode):
        problems.append(
            Problem(code.line, "The block holds no settings.", "write one `key: value` a line.")
        )
        return
    for key, node in root.value:
        line = code.line + key.start_mark.line
        if isinstance(key, yaml.ScalarNode) and isinstance(node, yaml.ScalarNode):
            yield _Entry(line, key.value, _scalar(node))
        elif isinstance(key, yaml.ScalarNode) and key.value.lower() in lists and _is_list(node):
            yield _Entry(line, key.value, None, tuple(str(item.value) for item in node.value))
        else:
            written = key.value if isinstance(key, yaml.ScalarNode) else "a key"
            problems.append(
                Problem(
                    line,
                    f"{written!r} holds more than one value.",
                    "give it one value; levels to compare belong under ## Parameter Ranges.",
                )
            )


def _is_list(node: yaml.Node) -> bool:
    return isinstance(node, yaml.SequenceNode) and all(
        isinstance(item, yaml.ScalarNode) for item in node.value
    )


def _scalar(node: yaml.ScalarNode) -> Value | None:
    """The value as a person means it: YAML 1.1 would read `1e-4` as text and `1:30` as 90."""
    if node.style is not None:
        return str(node.value)
    if node.tag.endswith(":null"):
        return None
    if node.tag.endswith(":bool"):
        return node.value.lower() in ("true", "yes", "on")
    return value(node.value)


def _unknown(entry: _Entry, key: str) -> Problem:
    close = difflib.get_close_matches(key, _RUN_KEYS, n=1)
    fix = f"did you mean {close[0]!r}?" if close else f"use one of: {', '.join(_RUN_KEYS)}."
    return Problem(entry.line, f"Run has no setting {entry.key!r}.", fix)


def _twice(line: int, key: str, first: int) -> Problem:
    return Problem(
        line,
        f"{key!r} was set on line {first} already, and that value holds.",
        "keep one of the two lines.",
    )
