"""Two pages that say the same in, one that stands for both out; nothing of the other is lost."""

from collections.abc import Sequence
from pathlib import Path

from techspec.errors import TechspecError
from techspec.render import cell
from techspec.skill.index import find
from techspec.skill.page import Attempt, Skill, read, visible
from techspec.skill.registry import Registry
from techspec.skill.twins import evidence_order
from techspec.skill.words import terms
from techspec.skill.writing import Shelf, with_metadata, writing


class NotMerged(TechspecError):
    """Two pages that cannot be made one."""

    def __init__(self, why: str, fix: str) -> None:
        super().__init__(f"Nothing was merged: {why}.", fix)


def merge(registry: Registry, kept: str, other: str) -> tuple[Skill, int]:
    """Let the page `kept` stand for the page `other`, which then names it as its successor.

    Failed attempts that only `other` has are added to `kept`, with where they are from. No other
    line of either page changes.

    Returns:
        The kept page as it was, and how many failed attempts it gained.

    Raises:
        NoSuchSkill: one of them is not there.
        NotMerged: they are one page, lie elsewhere, or `kept` stands on less.
        LeadsOutOfRegistry, CannotWrite: as their texts say.
    """
    first, second = find(registry, kept), find(registry, other)
    if first.path == second.path:
        raise NotMerged(f"{kept!r} and {other!r} are one page", "name two pages.")
    for skill in (first, second):
        if skill.registry != registry.folders[0]:
            where = f"{visible(skill.name)!r} lies in {skill.registry}, which is only read"
            raise NotMerged(
                where, f"import it first, or merge there with --registry {skill.registry}."
            )
    if evidence_order(second)[:2] < evidence_order(first)[:2]:
        why = f"{visible(second.name)!r} has the better evidence ({second.evidence})"
        raise NotMerged(why, f"merge the other way round: --merge {second.name} {first.name}.")
    with writing(registry.folders[0]) as shelf:
        for skill in (first, second):
            shelf.within(skill.path)
        gained = _add_attempts(shelf, first.path, second)
        shelf.note_successor(second.path, first.name, "it says the same, with better evidence.")
    return first, gained


def _add_attempts(shelf: Shelf, path: Path, other: Skill) -> int:
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        raise NotMerged(f"{path} is not UTF-8", "save it as UTF-8 first.") from None
    new = _new_attempts(read(text).attempts, other.attempts)
    named = filter(None, [read(text).metadata.get("supersedes", ""), other.name])
    page = with_metadata(text, "supersedes", ", ".join(dict.fromkeys(named)))
    if new:
        rows = "".join(
            f"| {cell(visible(a.attempt))} | {cell(visible(a.why))} | {cell(visible(a.lesson))} |\n"
            for a in new
        )
        head = "| Attempt | Why Failed | Lesson |\n|---------|------------|--------|\n"
        title = f"## Failed Attempts, from {visible(other.name)}"
        page = f"{page.rstrip()}\n\n{title}\n\n{head}{rows}"
    shelf.rewrite(path, text, page)
    return len(new)


def _new_attempts(known: Sequence[Attempt], others: Sequence[Attempt]) -> list[Attempt]:
    """Those whose words are not all in one that is there."""
    said = [set(terms(f"{a.attempt} {a.why} {a.lesson}")) for a in known]
    return [a for a in others if not any(set(terms(f"{a.attempt} {a.why}")) <= s for s in said)]
