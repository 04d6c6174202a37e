"""A judged campaign into the registry: draft, check, save. The numbers are the ledger's."""

import json
from dataclasses import replace

from techspec.errors import TechspecError
from techspec.records import decode
from techspec.skill.distil import Draft, Notes, distil
from techspec.skill.page import read
from techspec.skill.registry import Registry, Saved, SkillTaken
from techspec.spec.model import Spec
from techspec.verdict.campaign import Judged


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


def save(spec: Spec, campaign: Judged, notes: Notes, registry: Registry) -> tuple[Draft, Saved]:
    """Write what the campaign taught to the registry.

    Raises:
        StillRunning: a runner is at work.
        HasAPage: the campaign's page has another name.
        BadSkillName, SkillTaken, UnfitPage, CannotWrite: as their texts say.
    """
    if campaign.is_running:
        raise StillRunning(campaign.folder.name)
    draft = _draft(spec, campaign, notes)
    if notes == Notes(name=notes.name):  # none given: those of the last time still hold
        draft = _draft(spec, campaign, replace(_notes_before(registry, draft), name=draft.name))
    identity = read(draft.page).metadata["techspec-campaign"]
    skills = registry.skills()
    for skill in skills:
        if skill.name == draft.name and skill.registry != registry.folders[0]:
            raise SkillTaken(skill.path)
    for skill in skills:
        if skill.metadata.get("techspec-campaign") == identity and skill.name != draft.name:
            raise HasAPage(skill.name)
    return draft, registry.save(draft.name, draft.page, draft.files)


def _draft(spec: Spec, campaign: Judged, notes: Notes) -> Draft:
    return distil(
        spec, campaign.plan, campaign.state, campaign.verdicts, notes, campaign.folder.name
    )


def _notes_before(registry: Registry, draft: Draft) -> Notes:
    path = registry.folders[0] / draft.name / "evidence" / "notes.json"
    try:
        return decode(Notes, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return Notes()
