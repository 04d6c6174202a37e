from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from techspec.ledger.folder import CampaignFolder
from techspec.plan.model import Plan
from techspec.run.opening import freeze
from tests.run.campaigns import plan_of


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., tuple[CampaignFolder, Plan]]:
    def open_campaign(arms: Mapping[str, Mapping[str, object]], **changes: object):
        plan = plan_of(arms, **changes)
        return freeze(tmp_path / "TECHSPEC.md", plan), plan

    return open_campaign
