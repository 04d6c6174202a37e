"""The detached runner: `python -m techspec.run FOLDER` carries a campaign out to its end."""

import sys
from pathlib import Path

from techspec.errors import TechspecError
from techspec.ledger.folder import CampaignFolder
from techspec.run.campaign import carry_out


def main() -> int:
    """Exit 0 when the campaign was put down in order, 2 when the user must change something."""
    try:
        stopped = carry_out(CampaignFolder(Path(sys.argv[1]).resolve()))
    except TechspecError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stderr.write(f"{stopped.time} {stopped.why} {stopped.note}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
