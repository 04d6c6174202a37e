"""Rules in, their pages out: what `techspec explain` prints and what docs/rules/ holds.

`python -m techspec.lint.pages` writes the pages; with `--check` it fails if one is stale.
"""

import inspect
import sys
from pathlib import Path

from techspec import durable
from techspec.errors import TechspecError
from techspec.lint.names import joined, nearest
from techspec.lint.rule import Rule
from techspec.lint.rules import RULES

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "rules"

_HEADINGS = {
    "TS1": ("Form", "What can be read, and what is missing"),
    "TS2": ("Science", "What a result could teach"),
    "TS3": ("Plan and budget", "What can be run"),
}
_INTRODUCTION = """\
# The rules of techspec lint

Each finding names a rule; `techspec explain CODE` prints its page.
All of them are findings about the text: nothing is run, and of a trainer that tells nothing of
itself, the rules that need to know stay silent.
"""


class UnknownRule(TechspecError):
    """No rule has that code."""

    def __init__(self, code: str) -> None:
        family = [rule.code for rule in RULES if rule.code[:3] == code.strip().upper()[:3]]
        near = nearest(code, family or [rule.name for rule in RULES])
        names = [near] if near else family
        fix = f"take {joined(names)}" if names else "name it by its code"
        super().__init__(
            f"There is no rule {code!r}.",
            f"{fix}; they go from {RULES[0].code} to {RULES[-1].code}.",
        )


def explain(code: str) -> str:
    """The page of a rule as markdown, by its code or its name, in any case.

    Raises:
        UnknownRule: no rule is called so.
    """
    wanted = code.strip().casefold()
    for rule in RULES:
        if wanted in (rule.code.casefold(), rule.name.casefold()):
            return page(rule)
    raise UnknownRule(code)


def page(rule: Rule) -> str:
    """What a rule asks for, why, when to break it, and an example of each kind."""
    what, _, rest = inspect.cleandoc(rule.__doc__ or "").partition("\n")
    why, source, origin = rest.partition("## Source")
    return (
        f"# {rule.code}: {rule.name}\n\n{what}\n\n{why.strip()}\n\n"
        f"## Bad\n\n{_fenced(rule.bad)}\n\n## Good\n\n{_fenced(rule.good)}\n"
        + (f"\n{source}\n{origin.strip()}\n" if source else "")
    )


def _fenced(example: str) -> str:
    fence = "````" if "```" in example else "```"
    return f"{fence}markdown\n{example}{fence}"


def index() -> str:
    """The list of all rules, by kind."""
    parts = [_INTRODUCTION]
    for family, (title, about) in _HEADINGS.items():
        rows = [
            f"| [{rule.code}]({rule.code}.md) | {rule.name} | {_what(rule)} |\n"
            for rule in RULES
            if rule.code.startswith(family)
        ]
        table = "| code | name | asks that |\n|---|---|---|\n" + "".join(rows)
        parts.append(f"## {title}\n\n{about}.\n\n{table}")
    return "\n".join(parts)


def pages() -> dict[str, str]:
    """Every file of docs/rules/, by its name."""
    return {"README.md": index(), **{f"{rule.code}.md": page(rule) for rule in RULES}}


def stale(folder: Path = FOLDER) -> list[str]:
    """Files of the folder that are not as the rules would write them, or are of no rule."""
    wanted = pages()
    there = {path.name: path.read_text() for path in folder.glob("*.md")}
    return sorted(name for name in wanted | there if wanted.get(name) != there.get(name))


def write(folder: Path = FOLDER) -> list[str]:
    """Bring the folder up to date; returns the files that were not."""
    changed = stale(folder)
    for name in changed:
        if name in pages():
            durable.write(folder / name, pages()[name])
        else:
            (folder / name).unlink()
    return changed


def _what(rule: Rule) -> str:
    return (rule.__doc__ or "").partition("\n")[0]


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` say which are stale; 1 if any is."""
    if arguments == ["--check"]:
        for name in stale():
            print(f"docs/rules/{name} is stale\n  fix: python -m techspec.lint.pages")
        return 1 if stale() else 0
    for name in write():
        print(f"docs/rules/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
