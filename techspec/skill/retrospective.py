"""A judged campaign into the registry: draft, check, save. The numbers are the ledger's."""

from techspec.errors import TechspecError
from techspec.skill.distil import Draft, Notes, distil
from techspec.skill.registry import Registry, Saved
from techspec.spec.model import Spec
from techspec.verdict.campaign import Judged


class StillRunning(TechspecError):
    """A page was asked for while its numbers are still coming in."""

    def __init__(self, campaign: str) -> None:
        super().__init__(
            f"Campaign {campaign!r} is still running: its numbers are not all in.",
            "wait until it has ended, or stop it; then save.",
        )


def save(spec: Spec, campaign: Judged, notes: Notes, registry: Registry) -> tuple[Draft, Saved]:
    """Write what the campaign taught to the registry.

    Raises:
        StillRunning: a runner is at work.
        BadSkillName, SkillTaken, UnfitPage, CannotWrite: as their texts say.
    """
    if campaign.is_running:
        raise StillRunning(campaign.folder.name)
    draft = distil(
        spec, campaign.plan, campaign.state, campaign.verdicts, notes, campaign.folder.name
    )
    return draft, registry.save(draft.name, draft.page, draft.files)
