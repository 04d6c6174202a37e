"""What a call got wrong in, an error of ours out: the argument, its value and what is wanted.

The SDK would hand on pydantic's own text, and would drop arguments that it does not know.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from techspec.errors import TechspecError

_LONGEST_SHOWN = 60
"""Characters of a value: enough to know it again."""

_SUBJECTS = ("Input", "String", "List")
"""How pydantic calls a value at the start of a sentence."""


class UnknownArguments(TechspecError):
    """Arguments that a tool does not take: dropped, `path` for `spec` would start another spec."""

    def __init__(self, tool: str, names: Iterable[str], known: Iterable[str]) -> None:
        super().__init__(
            f"{tool} takes no argument {', '.join(map(_shown, names))}, and did nothing.",
            f"pass only what it takes: {', '.join(known)}.",
        )


class UnfitArguments(TechspecError):
    """Arguments that are missing, or not what the schema of their tool asks for."""

    def __init__(
        self, tool: str, found: ValidationError, properties: Mapping[str, Mapping[str, Any]]
    ) -> None:
        errors = found.errors(include_url=False, include_context=False)
        wanted = dict.fromkeys(str(each["loc"][0]) for each in errors)
        super().__init__(
            "\n".join(f"{tool}: {_sentence(each)}" for each in errors),
            "\n       ".join(f"pass {name}: {properties[name]['description']}" for name in wanted),
        )


class UnfitPrompt(TechspecError):
    """A prompt that is not there, or that lacks an argument."""

    def __init__(self, name: str, lacking: Iterable[str], prompts: Iterable[str]) -> None:
        if missing := ", ".join(lacking):
            super().__init__(f"The prompt {name} lacks {missing}.", f"pass {missing}, in words.")
        else:
            super().__init__(
                f"There is no prompt {_shown(name)}.", f"take one of: {', '.join(prompts)}."
            )


def _sentence(error: Mapping[str, Any]) -> str:
    place = ".".join(map(str, error["loc"]))
    if error["type"] == "missing":
        return f"{place} is missing."
    subject, _, rest = error["msg"].replace(" after validation", "").partition(" ")
    reason = f"it {rest}" if subject in _SUBJECTS else f"{subject} {rest}"
    return f"{place} is {_shown(error['input'])}; {reason}."


def _shown(value: object) -> str:
    """A value as JSON on one line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    if not text.isprintable():
        text = json.dumps(value, default=str)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
