"""Request text in, events out: the words of docs/trainer-contract.md, and nothing about training.

It does not know what a config may hold; that is `config`. Needs no torch.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

VERSION = 1
DEVICES = ("auto", "cpu", "cuda")

Outcome = Literal["finished", "early_stopped", "diverged", "interrupted", "refused"]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that the user can put right: what is wrong, with its value, and the way out."""

    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what}: {self.fix}"


class TrainerError(Exception):
    """All mistakes of a request or config; any other exception is our bug and has a traceback."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of one config at one seed; `folder` is its own."""

    trial: str
    folder: Path
    seed: int
    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What `run` is asked to do."""

    device: str
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class CostRequest:
    """What `cost` is asked to foresee."""

    device: str
    calibrate: bool
    configs: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Started:
    """Everything a reader needs to say what was run."""

    trial: str
    config: dict[str, Any]
    params: int
    device: str
    versions: dict[str, str]
    code: str
    data: str
    resumed_step: int
    event: str = "started"


@dataclass(frozen=True, slots=True)
class Step:
    """A point of the learning curve: the loss of the batch that made this step."""

    trial: str
    step: int
    loss: float
    seconds: float
    event: str = "step"


@dataclass(frozen=True, slots=True)
class Eval:
    """The evaluation set's metrics at this step."""

    trial: str
    step: int
    metrics: dict[str, float]
    seconds: float
    event: str = "eval"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that is whole on disk."""

    trial: str
    step: int
    path: str
    event: str = "checkpoint"


@dataclass(frozen=True, slots=True)
class Ended:
    """The last word on a trial in this start; `metrics` only where the final weights have some."""

    trial: str
    outcome: Outcome
    step: int
    seconds: float
    reason: str
    metrics: dict[str, float] | None = None
    event: str = "ended"


Event = Started | Step | Eval | Checkpoint | Ended
Emit = Callable[[Event], None]


def line(event: Event) -> str:
    """Write the event as the contract does: one JSON object, absent fields left out."""
    fields = {name: value for name, value in asdict(event).items() if value is not None}
    return json.dumps({"event": fields.pop("event"), **fields}, allow_nan=False)


def read_run(path: Path) -> RunRequest:
    """Read a `run` request.

    Raises:
        TrainerError: it cannot be run as it is written; says everything that is wrong.
    """
    raw = _read(path, {"protocol", "device", "trials"})
    found = list(_problems_of_trials(raw.get("trials")))
    if found:
        raise TrainerError(*found)
    trials = (Trial(t["trial"], Path(t["folder"]), t["seed"], t["config"]) for t in raw["trials"])
    return RunRequest(raw.get("device", "auto"), tuple(trials))


def read_cost(path: Path) -> CostRequest:
    """Read a `cost` request.

    Raises:
        TrainerError: it cannot be answered as it is written.
    """
    raw = _read(path, {"protocol", "device", "calibrate", "configs"})
    configs = raw.get("configs")
    if not isinstance(configs, list) or not all(isinstance(c, dict) for c in configs):
        raise TrainerError(Mistake(f"configs is {_shown(configs)}", "make it a list of objects"))
    calibrate = raw.get("calibrate", False)
    if not isinstance(calibrate, bool):
        raise TrainerError(Mistake(f"calibrate is {_shown(calibrate)}", "make it true or false"))
    return CostRequest(raw.get("device", "auto"), calibrate, tuple(configs))


def code_digest() -> str:
    """Digest this program's source, on every system to the same: names and text, newlines as LF."""
    digest = hashlib.sha256()
    files = (path for path in Path(__file__).parent.iterdir() if path.suffix in (".py", ".c"))
    for path in sorted(files, key=lambda path: path.name):
        text = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.name} {len(text)}\n".encode() + text)
    return digest.hexdigest()


def _read(path: Path, known: set[str]) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_bytes())
    except OSError as error:
        raise TrainerError(
            Mistake(
                f"the request {str(path)!r} cannot be read ({error.strerror})", "pass a JSON file"
            )
        ) from None
    except ValueError as error:
        raise TrainerError(
            Mistake(f"the request {str(path)!r} is not JSON ({error})", "write one JSON object")
        ) from None
    if not isinstance(raw, dict):
        raise TrainerError(
            Mistake(f"the request {str(path)!r} holds {_shown(raw)}", "write one JSON object")
        )
    if raw.get("protocol") != VERSION:
        raise TrainerError(
            Mistake(
                f"this trainer does not know protocol {_shown(raw.get('protocol'))}",
                f"ask in protocol {VERSION} (docs/trainer-contract.md)",
            )
        )
    if unknown := sorted(raw.keys() - known):
        raise TrainerError(
            Mistake(
                f"the request has unknown fields {', '.join(unknown)}",
                f"leave them out; known are {', '.join(sorted(known))}",
            )
        )
    if raw.get("device", "auto") not in DEVICES:
        raise TrainerError(
            Mistake(
                f"there is no device {_shown(raw['device'])}", f"take one of {', '.join(DEVICES)}"
            )
        )
    return raw


def _problems_of_trials(trials: object) -> list[Mistake]:
    if not isinstance(trials, list) or not trials:
        return [Mistake(f"trials is {_shown(trials)}", "make it a list of at least one trial")]
    found = []
    fields = {"trial": str, "folder": str, "seed": int, "config": dict}
    names: set[str] = set()
    folders: set[str] = set()
    for number, trial in enumerate(trials, start=1):
        if not isinstance(trial, dict) or trial.keys() != fields.keys():
            fix = f"make it an object with {', '.join(fields)}"
            found.append(Mistake(f"trial {number} is {_shown(trial)}", fix))
            continue
        wrong = [n for n, t in fields.items() if type(trial[n]) is not t]
        for name in wrong:
            what = f"{name} of trial {number} is {_shown(trial[name])}"
            found.append(Mistake(what, f"make it of type {fields[name].__name__}"))
        if wrong:
            continue
        if not Path(trial["folder"]).is_dir():
            what = f"the folder {trial['folder']!r} of {trial['trial']!r} does not exist"
            found.append(Mistake(what, "create it before the run"))
        if trial["trial"] in names or trial["folder"] in folders:
            what = f"trial {trial['trial']!r} shares its name or folder with another"
            found.append(Mistake(what, "give each trial its own"))
        names.add(trial["trial"])
        folders.add(trial["folder"])
    return found


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
