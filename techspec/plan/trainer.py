"""What the engine may ask of a trainer before anything runs: `cost` of the trainer contract."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from techspec.identity import digest
from techspec.plan.model import LockedFile
from techspec.spec.model import Value

Config = Mapping[str, Value]
"""Parameter values by trainer key; the seed is never among them."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one config would take; None where the trainer does not say."""

    params: int | None = None
    flops: float | None = None
    seconds: Mapping[str, float] | None = None
    """Nominal seconds a trial, by device (`cpu`, `cuda`); the same on every machine."""
    measured_seconds: float | None = None
    """On the device at hand; only after a calibration."""
    problem: str | None = None
    """Why this config cannot be trained, and the way out."""


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """One parameter that the trainer knows."""

    type: str
    default: Value | None = None
    help: str = ""


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """One number that the trainer reports."""

    better: str = "higher"
    unit: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class TrainerFacts:
    """What a trainer says of itself. None where it says nothing: then every name is accepted."""

    name: str
    code: str
    """Digest of its source, so that results of another version are not taken for this one's."""
    parameters: Mapping[str, ParameterInfo] | None = None
    metrics: Mapping[str, MetricInfo] | None = None
    has_cost: bool = False
    locked: tuple[LockedFile, ...] = ()
    """Files that its scores come from and that the user may edit, as they are now."""

    @property
    def identity(self) -> str:
        """What a result depends on beside its config and seed: another identity, another trial."""
        if not self.locked:
            return self.code
        return digest([self.code, sorted(file.digest for file in self.locked)])


@dataclass(frozen=True, slots=True)
class NoTrainer:
    """A trainer that says nothing: for reading a spec where none can be started."""

    name: str = "unknown"

    def facts(self) -> TrainerFacts:
        """Nothing but a name."""
        return TrainerFacts(name=self.name, code="")

    def costs(self, configs: Sequence[Config], calibrate: bool = False) -> list[Cost]:
        """An empty cost for each config."""
        return [Cost() for _ in configs]


class Trainer(Protocol):
    """A trainer that can be asked; `run/trainer_call.py` asks a real program."""

    def facts(self) -> TrainerFacts:
        """Its parameters, metrics and identity; asked once, then remembered."""
        ...

    def costs(self, configs: Sequence[Config], calibrate: bool = False) -> list[Cost]:
        """One cost a config, in the order given; many configs are one question."""
        ...
