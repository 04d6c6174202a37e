"""A judged campaign, or words alone, into the registry: draft, check, look for twins, save.

The numbers are the ledger's. A page that says what another says never stands beside it unlinked.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from techspec.clock import now
from techspec.errors import TechspecError
from techspec.identity import name_of
from techspec.records import decode, encode
from techspec.render import render
from techspec.skill.distil import Draft, Notes, distil
from techspec.skill.findings import UNREADABLE
from techspec.skill.index import Library, ask
from techspec.skill.objections import Objection, in_notes, values
from techspec.skill.page import GRADES, Skill, read, read_file, visible
from techspec.skill.registry import Registry, file_text
from techspec.skill.succession import successors, way
from techspec.skill.twins import Twin, otherwise, refuted, twins_of
from techspec.skill.writing import (
    Saved,
    Shelf,
    SkillTaken,
    UnfitPage,
    checked,
    name_value,
    named,
    with_metadata,
)
from techspec.spec.model import Spec
from techspec.verdict.campaign import Judged


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to become of pages that say the same; each names a page, all may be empty."""

    update: str = ""
    """The new page is the next version of this one, under its name."""
    differs: str = ""
    """Both stay: how the new page differs from its twins, in a sentence."""
    supersedes: str = ""
    """The new page refutes this one, which then names its successor."""


@dataclass(frozen=True, slots=True)
class Linked:
    """A page that the new one names, and why, in words of the new one."""

    skill: Skill
    why: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A checked draft, and what saving it does to the pages that are there."""

    draft: Draft
    why: str
    """What the History says, if there was a page before."""
    in_place_of_another: bool
    is_new: bool
    """The registry, as it was read, had no page of that name."""
    superseded: tuple[Linked, ...]
    """Pages of the folder that is written to, which get a note of their successor."""

    @property
    def folders(self) -> tuple[str, ...]:
        """What saving touches, by paths from the registry folder."""
        old = (each.skill for each in self.superseded)
        noted = (str(skill.path.parent.relative_to(skill.registry)) for skill in old)
        return (self.draft.name, *noted)


class StillRunning(TechspecError):
    """A page was asked for while its numbers are still coming in."""

    def __init__(self, campaign: str) -> None:
        super().__init__(
            f"Campaign {campaign!r} is still running: its numbers are not all in.",
            "wait until it has ended, or stop it; then save.",
        )


class HasAPage(TechspecError):
    """The campaign taught a page already, under another name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"This campaign has a page already: {name!r}.",
            f"save it as {name!r} again, which updates it; two pages would count as two sources.",
        )


class SaysNothing(TechspecError):
    """A lesson without a lesson."""

    def __init__(self, lacks: Sequence[str]) -> None:
        super().__init__(
            f"A lesson without a campaign lacks {' and '.join(lacks)}.",
            "give it a description that begins 'Use when …', and at least one of: workflow (what "
            "worked), failed attempts (what, why, and the lesson), findings.",
        )


class HasTwins(TechspecError):
    """Somebody else's page says the same."""

    def __init__(self, name: str, twins: Sequence[Twin]) -> None:
        listed = "".join(f"\n    {_described(twin)}" for twin in twins)
        first = visible(twins[0].skill.name)
        super().__init__(
            f"What {name!r} would say is said in the registry already:{listed}",
            "choose, and save again with it:\n"
            f"    --update {first}: yours becomes its next version, and what it says now is kept\n"
            "    --differs 'HOW': both stay, and yours says how it differs\n"
            f"    --supersedes {first}: yours refutes it, and it then names yours as its successor",
        )
        self.twins = tuple(twins)


class NamedApart(TechspecError):
    """The user named a page, and one of their own pages under another name says the same."""

    def __init__(self, page: Skill, twin: Twin) -> None:
        name, there = visible(page.name), visible(_folder_name(twin.skill))
        super().__init__(
            f"You named this page {name!r}, but your page {there!r} says nearly the same:\n"
            f"    {twin.why}\n"
            f"    {there!r}: {visible(twin.skill.description)}\n"
            f"    {name!r}: {visible(page.description)}",
            "choose, and save again with it:\n"
            f"    --name {there}: this becomes its next version, and what it says now is kept\n"
            "    --differs 'HOW': both stay, and this one says how it differs",
        )
        self.twin = twin


class NoTwin(TechspecError):
    """The page to update or to supersede is not one that can be written."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(
            f"There is no page {name[:100]!r} in {folder}, where pages are written.",
            "name a skill of that folder, or leave the choice out.",
        )


class Circle(TechspecError):
    """A page was to supersede one that follows it already."""

    def __init__(self, name: str, old: str, between: Sequence[str]) -> None:
        followed = [f"{after!r} supersedes {before!r}" for before, after in pairwise(between)]
        there = ", ".join(map(visible, followed)) or "it is that page"
        super().__init__(
            f"{name!r} cannot supersede {visible(old)!r}: {there}.",
            "leave 'supersedes' out and that stays so; or take "
            f"{visible(between[1])!r} out of 'superseded-by' on the page {name!r}, and {name!r} "
            f"out of 'supersedes' on {visible(between[1])!r}, and save again."
            if followed
            else "name another page, or leave 'supersedes' out.",
        )


class NothingDiffers(TechspecError):
    """A page was to say how it differs, and no other says what it says."""

    def __init__(self, name: str, how: str) -> None:
        super().__init__(
            f"No page says nearly what {name!r} says, so there is none to differ from: {how!r}.",
            "leave 'differs' out, and put what it says among the findings of your notes.",
        )


class WeakerEvidence(TechspecError):
    """A page would be replaced by one that stands on less."""

    def __init__(self, skill: Skill, grade: str) -> None:
        super().__init__(
            f"{visible(skill.name)!r} is graded {skill.evidence!r}, and yours would be {grade!r}.",
            "keep both: say with 'differs' how yours differs, or add your words to its notes.",
        )


def save_on(shelf: Shelf, ready: Ready) -> Saved:
    """Write a prepared page, and its name on what it supersedes.

    A branch may have a page that the registry has not: until it is merged, whoever wrote it
    may write it again.
    """
    draft, page = ready.draft, read(ready.draft.page)
    there = read_file(shelf.root / draft.name / "SKILL.md", shelf.root)
    author = page.metadata.get("author", "")
    is_open = ready.is_new and _is_written(there) and "author" not in there.metadata
    own = is_open or _is_own(there, author) or _same_notes(there, draft)
    if own and not _of_one_campaign(there, page) and _grade(page) > _grade(there):
        raise WeakerEvidence(there, page.evidence)
    over = ready.in_place_of_another or own
    saved = shelf.save(draft.name, draft.page, draft.files, ready.why, over)
    for old in ready.superseded:
        path = shelf.root / old.skill.path.relative_to(old.skill.registry)
        if path.is_file():
            shelf.note_successor(path, draft.name, f"{old.why}.")
    return saved


def prepare(
    spec: Spec, campaign: Judged, notes: Notes, registry: Registry, choice: Choice | None = None
) -> Ready:
    """The page of what a campaign taught, held against the registry.

    Raises:
        StillRunning: a runner is at work.
        HasAPage: the campaign's page has another name.
        HasTwins: others say the same, and `choice` is none.
        NamedApart: so does a page of the same author, and `notes` name another.
        BadSkillName, SkillTaken, UnfitPage, NoTwin, Circle, WeakerEvidence: as their texts say.
    """
    if campaign.is_running:
        raise StillRunning(campaign.folder.name)

    def draft_as(name: str) -> Draft:
        draft = _draft(spec, campaign, replace(notes, name=name))
        if notes != Notes(name=notes.name):
            return draft
        before = _notes_before(registry, draft.name)  # those of the last time still hold
        return _draft(spec, campaign, replace(before, name=draft.name))

    return _ready(draft_as, notes.name, notes.author, registry, choice or Choice())


def prepare_lesson(notes: Notes, registry: Registry, choice: Choice | None = None) -> Ready:
    """The page of a lesson that no campaign measured: words alone, graded as an anecdote.

    Raises:
        SaysNothing: there is nothing in the notes that somebody could learn.
        HasTwins, NamedApart, BadSkillName, SkillTaken, UnfitPage, NoTwin, Circle, WeakerEvidence:
            as for `prepare`.
    """
    lacks = [] if notes.description else ["a description"]
    if not (notes.workflow or notes.attempts or notes.findings):
        lacks.append("anything that was learned")
    if lacks:
        raise SaysNothing(lacks)

    def draft_as(name: str) -> Draft:
        name = name or name_of(notes.description.lower().removeprefix("use when"))
        own = replace(notes, name=name)
        same = _notes_before(registry, name) == own
        date = _page_before(registry, name).metadata.get("date", "") if same else now()[:10]
        return _lesson(own, date)

    return _ready(draft_as, notes.name, notes.author, registry, choice or Choice())


def _ready(
    draft_as: Callable[[str], Draft],
    name: str,
    author: str,
    registry: Registry,
    choice: Choice,
) -> Ready:
    """Which page this draft becomes, and what it says of its twins; `name` is "" if nobody chose.

    A page that was named is never written into another: the name says which page is meant.
    """
    root = registry.folders[0]
    draft = draft_as(choice.update or name)
    named(draft.name, draft.files)
    page = read(draft.page, root / draft.name / "SKILL.md", root)
    there = _there(registry, draft.name)
    if there is not None and there.registry != root:
        raise SkillTaken(there.path)
    for skill in ask(registry, Library.pages):
        if _of_one_campaign(skill, page) and skill.name != page.name:
            raise HasAPage(skill.name)
    if choice.update and there is None:
        raise NoTwin(choice.update, root)
    takes_over = there is not None and not _of_one_campaign(there, page)
    if there is not None and takes_over:
        if not choice.update and not _is_own(there, author) and not _same_notes(there, draft):
            raise HasTwins(draft.name, [Twin(there, 1.0)])
        if _grade(page) > _grade(there):
            raise WeakerEvidence(there, page.evidence)
    twins = twins_of(page, draft.files.get("evidence/findings.json", ""), registry)
    superseded = _superseded(page, twins, registry, choice)
    gone = [each.skill.path for each in superseded]
    left = [twin for twin in twins if twin.skill.path not in gone]
    if there is None and left and not choice.differs:
        for twin in left:
            mine = _is_own(twin.skill, author) and twin.skill.registry == root
            if mine and _grade(page) <= _grade(twin.skill):
                if name:
                    raise NamedApart(page, twin)
                update = replace(choice, update=_folder_name(twin.skill))
                return _ready(draft_as, name, author, registry, update)
        raise HasTwins(draft.name, left)
    text = draft.page
    if choice.differs and not left:
        raise NothingDiffers(draft.name, choice.differs)
    if choice.differs:
        differing = [Linked(twin.skill, choice.differs) for twin in left]
        text = _linked(text, "differs-from", differing)
    text = _linked(text, "supersedes", superseded)
    _checked(draft.name, text, draft.files)
    why = "written again from the same campaign"
    if takes_over:
        campaign = page.metadata.get("techspec-campaign")
        why = f"written from the campaign {campaign}" if campaign else "written from other notes"
    noted = tuple(each for each in superseded if each.skill.registry == root)
    return Ready(replace(draft, page=text), why, takes_over, there is None, noted)


def _checked(name: str, page: str, files: Mapping[str, str]) -> None:
    """As `checked`; what is unfit in the notes is named there, for the page is not yet written.

    Raises:
        UnfitPage: everything, at once.
    """
    try:
        checked(name, page, files)
    except UnfitPage as unfit:
        notes = json.loads(files[_NOTES])
        noted, said = in_notes(name, notes), dict(values(notes))
        lines = page.splitlines()

        def is_told(each: Objection) -> bool:
            """What the notes say is theirs, and no word of the spec that says the same."""
            if each.file != "SKILL.md":
                return each.file == _NOTES and bool(noted)
            line = "" if each.line <= 1 else _letters(lines[each.line - 1])
            same = [_letters(said[own.key]) for own in noted if own.what == each.what]
            return any(not line or text in line for text in same)

        left = [each for each in unfit.objections if not is_told(each)]
        raise UnfitPage(name, [*noted, *left]) from None


def _letters(text: str) -> str:
    """What is left of a text however a page quotes it."""
    return "".join(filter(str.isalnum, text))


def _superseded(
    page: Skill, twins: Sequence[Twin], registry: Registry, choice: Choice
) -> list[Linked]:
    """The page that was named, and unless one differs those that this one refutes.

    Raises:
        NoTwin: there is no such page.
        Circle: it follows this one already.
    """
    after = successors(ask(registry, Library.pages))
    found = []
    for twin in refuted(twins) if not choice.differs else ():
        old = twin.skill
        is_worse = _grade(page) > _grade(old)
        if old.name != page.name and not is_worse and not way(page.name, old.name, after):
            found.append(Linked(old, otherwise(*twin.contrary[0])))
    if choice.supersedes:
        chosen = _there(registry, choice.supersedes)
        if chosen is None:
            raise NoTwin(choice.supersedes, registry.folders[0])
        between = way(page.name, chosen.name, after)
        if between or chosen.name == page.name:
            raise Circle(page.name, chosen.name, between)
        if chosen.path not in [each.skill.path for each in found]:
            contrary = next((t.contrary for t in twins if t.skill.path == chosen.path), ())
            why = otherwise(*contrary[0]) if contrary else "so says whoever saved it"
            found.append(Linked(chosen, why))
    return found


def _linked(page: str, key: str, others: Sequence[Linked]) -> str:
    """The page with the names of others in its metadata, and a line each in its References."""
    if not others:
        return page
    names = [visible(other.skill.name) for other in others]
    page = with_metadata(page, key, ", ".join(names))
    word = {"supersedes": "Supersedes", "differs-from": "Not the same as"}[key]
    lines = "".join(
        f"- {word} `{name}`: {other.why.rstrip('.')}.\n"
        for name, other in zip(names, others, strict=True)
    )
    title = "\n## References\n\n"
    page = page.replace(f"{title}- None was named.\n", title, 1)
    return page.replace(title, f"{title}{lines}", 1)


def _described(twin: Twin) -> str:
    skill = twin.skill
    author = visible(skill.metadata.get("author", "")) or "no name"
    return f"{visible(skill.name)} ({skill.path}), by {author}, {skill.evidence}; {twin.why}" + (
        ", and came out otherwise" if twin.contradicts else ""
    )


def _there(registry: Registry, name: str) -> Skill | None:
    """The page of that name, or in a folder of that name; the first folder's first."""

    def find(library: Library) -> Skill | None:
        pages = library.pages()
        return next((p for p in pages if name in (p.name, _folder_name(p))), None)

    return ask(registry, find)


def _folder_name(skill: Skill) -> str:
    return skill.path.parent.name if skill.path.name.upper() == "SKILL.MD" else skill.path.stem


def _of_one_campaign(there: Skill, page: Skill) -> bool:
    campaign = page.metadata.get("techspec-campaign")
    return bool(campaign) and there.metadata.get("techspec-campaign") == campaign


def _is_own(skill: Skill, author: str) -> bool:
    """True for a page that techspec wrote for the same named author."""
    return bool(author) and _is_written(skill) and skill.metadata.get("author") == author


def _is_written(skill: Skill) -> bool:
    """True for a page that techspec wrote."""
    return bool({"techspec-campaign", "techspec-lesson"} & set(skill.metadata))


def _same_notes(there: Skill, draft: Draft) -> bool:
    is_lesson = "techspec-lesson" in there.metadata
    try:
        return is_lesson and file_text(there.path.parent, _NOTES) == draft.files[_NOTES]
    except (OSError, ValueError):
        return False


def _grade(skill: Skill) -> int:
    """Place among the grades; 0 is the strongest."""
    return GRADES.index(skill.evidence)


def _draft(spec: Spec, campaign: Judged, notes: Notes) -> Draft:
    return distil(
        spec, campaign.plan, campaign.state, campaign.verdicts, notes, campaign.folder.name
    )


def _lesson(notes: Notes, date: str) -> Draft:
    title = (notes.name or " ".join(notes.description.split()[:8])).replace("-", " ")
    page = render(
        "LESSON.md.j2",
        name=name_value(notes.name),
        title=title[:1].upper() + title[1:],
        description=notes.description.replace("<", "below "),
        date=date,
        author=notes.author,
        tags=", ".join(notes.tags),
        when_to_use=notes.when_to_use,
        workflow=notes.workflow,
        attempts=notes.attempts,
        findings=notes.findings,
        references=notes.references,
    )
    said = json.dumps(encode(notes), indent=1, ensure_ascii=False) + "\n"
    return Draft(notes.name, page, {_NOTES: said})


def _page_before(registry: Registry, name: str) -> Skill:
    path = registry.folders[0] / name / "SKILL.md"
    return read_file(path, registry.folders[0])


def _notes_before(registry: Registry, name: str) -> Notes:
    try:
        return decode(Notes, json.loads(file_text(registry.folders[0] / name, _NOTES)))
    except UNREADABLE:
        return Notes()


_NOTES = "evidence/notes.json"
