"""The frozen plan of a campaign: written before the first launch, checked at every reading."""

import json
from pathlib import Path

from techspec import durable
from techspec.errors import TechspecError
from techspec.ledger.folder import CampaignFolder
from techspec.ledger.journal import read
from techspec.ledger.state import fold
from techspec.plan.model import Plan
from techspec.records import NotThatRecord, decode, encode


class PlanDamaged(TechspecError):
    """plan.json is not the plan that the ledger names."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} is not the plan that this campaign was started with: {why}.",
            "bring the file back from a copy, or 'techspec run --amend WHY' to replace the plan.",
        )


def save(folder: CampaignFolder, plan: Plan) -> None:
    """Write the plan; on return it is on disk."""
    durable.write(folder.plan, json.dumps(encode(plan), indent=1, ensure_ascii=False) + "\n")


def load(folder: CampaignFolder) -> Plan:
    """The plan in force.

    Raises:
        PlanDamaged: it cannot be read, or was changed since it was frozen.
    """
    plan = load_unchecked(folder.plan)
    expected = fold(read(folder.ledger)).plan
    if plan.hash != expected:
        raise PlanDamaged(folder.plan, f"its hash is {plan.hash[:12]}, not {expected[:12]}")
    return plan


def load_unchecked(path: Path) -> Plan:
    """The plan in this file, whatever the ledger says.

    Raises:
        PlanDamaged: it cannot be read.
    """
    try:
        return decode(Plan, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, NotThatRecord) as error:
        raise PlanDamaged(path, str(error)) from None
