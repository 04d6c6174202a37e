"""Every path of a campaign. A campaign is a folder: copy it, and you have copied all of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from techspec.errors import TechspecError
from techspec.identity import digest_text, slug

HOME = ".techspec"
_PASSED_OVER = {".git", ".venv", "node_modules", "__pycache__"}


class NoCampaign(TechspecError):
    """Nothing was run yet for this spec."""

    def __init__(self, spec: object) -> None:
        super().__init__(
            f"No campaign was started for {str(spec)!r}.", f"start one with 'techspec run {spec}'."
        )


@dataclass(frozen=True, slots=True)
class CampaignFolder:
    """`.techspec/NAME/` beside the spec."""

    path: Path

    @property
    def name(self) -> str:
        """The campaign's name."""
        return self.path.name

    @property
    def project(self) -> Path:
        """The folder that holds the spec; trainers are started there."""
        return self.path.parent.parent

    @property
    def ledger(self) -> Path:
        """All that happened."""
        return self.path / "ledger.jsonl"

    @property
    def plan(self) -> Path:
        """The plan in force."""
        return self.path / "plan.json"

    def plan_of(self, plan_hash: str) -> Path:
        """A plan that was in force once, kept when an amendment replaced it."""
        return self.path / f"plan-{plan_hash[:12]}.json"

    @property
    def stop(self) -> Path:
        """Its existence asks the runner to put the campaign down."""
        return self.path / "stop"

    @property
    def runner_log(self) -> Path:
        """What the detached runner printed."""
        return self.path / "runner.log"

    @property
    def report(self) -> Path:
        """The page."""
        return self.path / "report.html"

    def run(self, trial: str) -> Path:
        """A trial's own folder: its metrics.jsonl and checkpoint.

        The first trial of a process also has what belongs to all: request, output.jsonl, log.txt.
        """
        return self.path / "runs" / trial

    def metrics(self, trial: str) -> Path:
        """What was said of one trial, a JSON object a line."""
        return self.run(trial) / "metrics.jsonl"

    def output(self, request: str) -> Path:
        """What a process of several trials printed, in the folder of its first."""
        return self.run(request) / "output.jsonl"


def of_spec(spec: Path) -> CampaignFolder:
    """The campaign of the spec at this path, whether it was started or not.

    It is named after the file, not after its title: a better title does not lose the runs.
    """
    spec = spec.resolve()
    name = slug(spec.stem)
    if name != spec.stem.lower():  # letters were lost: two files must not share a campaign
        name = f"{name}-{digest_text(spec.name)[:6]}"
    return CampaignFolder(spec.parent / HOME / name)


def started(spec: Path) -> CampaignFolder:
    """The campaign of the spec at this path.

    Raises:
        NoCampaign: it was never started.
    """
    folder = of_spec(spec)
    if not folder.ledger.exists():
        raise NoCampaign(spec)
    return folder


def find(root: Path, deepest: int = 4) -> Iterator[CampaignFolder]:
    """Campaigns of the specs in `root` and in its folders, `deepest` levels down, in path order."""
    for ledger in sorted((root / HOME).glob("*/ledger.jsonl")):
        yield CampaignFolder(ledger.parent.resolve())
    if deepest == 0:
        return
    for child in sorted(root.iterdir()):
        if child.is_dir() and not child.is_symlink() and child.name not in _PASSED_OVER | {HOME}:
            try:
                yield from find(child, deepest - 1)
            except PermissionError:
                continue
