"""Asks a trainer program what its configs cost, and says how it is started. Imports no trainer."""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from techspec.errors import TechspecError
from techspec.plan.model import LockedFile
from techspec.plan.trainer import Config, Cost, MetricInfo, ParameterInfo, TrainerFacts
from techspec.records import NotThatRecord, decode
from techspec.run.locked import lock
from techspec.shipped import folder
from techspec.spec.model import Spec

PROTOCOL = 1
PYTHON = "TECHSPEC_PYTHON"
"""Environment variable: the Python that has torch, where it is not this one."""
INSTALL_TORCH = "TECHSPEC_INSTALL_TORCH"
"""Environment variable: the command that installs torch for us, where there is one."""
_PATIENCE_SECONDS = 120.0
_HAS_TORCH = "import importlib.util as u; raise SystemExit(u.find_spec('torch') is None)"


class TrainerNotFound(TechspecError):
    """The spec names a command that is not on this machine."""

    def __init__(self, command: str, why: str = "there is no such program") -> None:
        super().__init__(
            f"The trainer {command!r} cannot be started: {why}.",
            "correct 'trainer:' under '## Run', or leave it out to take the bundled trainer.",
        )


class NoTorch(TechspecError):
    """The bundled trainer is to train, and its Python has no torch."""

    def __init__(self, python: str) -> None:
        command = os.environ.get(INSTALL_TORCH)
        fix = f"run '{shlex.quote(python)} -m pip install torch numpy', or"
        if command:
            fix = (
                "it is a large download (several GB where it comes with CUDA, as on Linux; else "
                f"200 MB, 1 GB on disk): tell the user, and if they agree run {command!r}; or"
            )
        super().__init__(
            f"Training needs PyTorch, which {python!r} does not have.",
            f"{fix} set {PYTHON} (the plugin's option 'python') to one that has it.",
        )


class TrainerAnswer(TechspecError):
    """A trainer answered `cost` with something that is not an answer."""

    def __init__(self, command: str, answer: str) -> None:
        super().__init__(
            f"The trainer {command!r} answered 'cost' with {answer[:200]!r}.",
            "print the object of docs/trainer-contract.md, or exit with a code other than 0.",
        )


@dataclass(slots=True)
class TrainerProgram:
    """A trainer as a program: `command` is without its verb, `place` is where it is started."""

    command: tuple[str, ...]
    place: Path
    named: str | None
    """As the spec has it; None is the bundled one."""
    evaluation: tuple[str, ...] = ()
    """Paths that the spec says its scores come from."""
    _facts: TrainerFacts | None = None
    _known: dict[str, Cost] = field(default_factory=dict)
    _locked: tuple[LockedFile, ...] | None = None

    @property
    def _name(self) -> str:
        return self.named or "the bundled trainer"

    @property
    def environment(self) -> dict[str, str]:
        """What its process sees; the bundled trainer is found wherever techspec is installed."""
        environment = dict(os.environ)
        if self.named is None:
            paths = [str(folder("trainer").parent), environment.get("PYTHONPATH", "")]
            environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        return environment

    def must_have_torch(self) -> None:
        """Refuse to begin what the bundled trainer could not train; others know their own needs.

        Raises:
            NoTorch: as its text says.
        """
        if self.named is None:
            ask = [self.command[0], "-P", "-c", _HAS_TORCH]
            try:
                lacks = subprocess.run(ask, stdin=subprocess.DEVNULL, check=False).returncode
            except OSError as error:
                raise TrainerNotFound(self._name, error.strerror or str(error)) from None
            if lacks:
                raise NoTorch(self.command[0])

    def facts(self) -> TrainerFacts:
        """What it says of itself; asked once.

        Raises:
            TrainerNotFound: there is no such program.
            TrainerAnswer: its answer cannot be read.
            LockedFileMissing: a file that its scores come from is not there.
        """
        if self._locked is None:
            self._locked = lock(self.place, (*self._own_files(), *self.evaluation))
        if self._facts is None:
            self._ask([], calibrate=False)
        assert self._facts is not None, "_ask sets it"
        return replace(self._facts, locked=self._locked)

    def costs(self, configs: Sequence[Config], calibrate: bool = False) -> list[Cost]:
        """One cost a config, in order; empty ones from a trainer without `cost`.

        Raises:
            TrainerNotFound: there is no such program.
            TrainerAnswer: its answer cannot be read.
        """
        keys = [f"{calibrate} {json.dumps(dict(config), sort_keys=True)}" for config in configs]
        new = {
            key: config for key, config in zip(keys, configs, strict=True) if key not in self._known
        }
        if new:
            self._known.update(zip(new, self._ask(list(new.values()), calibrate), strict=True))
        return [self._known[key] for key in keys]

    def _ask(self, configs: Sequence[Config], calibrate: bool) -> list[Cost]:
        request = {
            "protocol": PROTOCOL,
            "device": "auto",
            "calibrate": calibrate,
            "configs": [dict(config) for config in configs],
        }
        with tempfile.TemporaryDirectory(prefix="techspec-") as scratch:
            path = Path(scratch) / "request.json"
            path.write_text(json.dumps(request))
            try:
                done = subprocess.run(
                    [*self.command, "cost", str(path)],
                    cwd=self.place,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=_PATIENCE_SECONDS,
                    check=False,
                )
            except OSError as error:
                raise TrainerNotFound(self._name, error.strerror or str(error)) from None
            except subprocess.TimeoutExpired:
                raise TrainerAnswer(self._name, "nothing for two minutes") from None
        if done.returncode != 0:
            if self.named is None:
                raise TrainerAnswer(self._name, done.stderr.strip() or f"exit {done.returncode}")
            self._facts = TrainerFacts(name=self._name, code=self._source_digest())
            return [Cost() for _ in configs]
        return self._read(done.stdout, len(configs))

    def _read(self, answer: str, expected: int) -> list[Cost]:
        try:
            reply: Mapping[str, Any] = json.loads(answer)
            said = reply.get("trainer", {})
            self._facts = TrainerFacts(
                name=said.get("name", self._name),
                code=said.get("code") or self._source_digest(),
                parameters=_infos(ParameterInfo, reply.get("parameters")),
                metrics=_infos(MetricInfo, reply.get("metrics")),
                has_cost=True,
            )
            costs = [decode(Cost, cost) for cost in reply.get("costs", [])]
        except (ValueError, AttributeError, TypeError, NotThatRecord):
            raise TrainerAnswer(self._name, answer) from None
        if len(costs) != expected:
            raise TrainerAnswer(self._name, answer)
        return costs

    def _source_digest(self) -> str:
        """Digest of the files that the command names: another script is another trainer."""
        digest = hashlib.sha256(self._name.encode())
        for word in self._own_files():
            digest.update((self.place / word).read_bytes())
        return digest.hexdigest()

    def _own_files(self) -> list[str]:
        """The files that an own trainer's command names: they can be edited while it runs."""
        if self.named is None:
            return []
        program, *words = self.command
        own = [] if Path(program).is_absolute() else [program]  # no interpreter of the system
        return [word for word in (*own, *words) if (self.place / word).is_file()]


def trainer_of(spec: Spec, place: Path) -> TrainerProgram:
    """The trainer that a spec names, or the bundled one; `place` is the folder of the spec."""
    return program(spec.run.trainer, place, spec.run.evaluation)


def program(command: str | None, place: Path, evaluation: tuple[str, ...] = ()) -> TrainerProgram:
    """The trainer of this command (None: the bundled one), started in `place`.

    Raises:
        TrainerNotFound: there is no such program.
    """
    if command is None:
        python = os.environ.get(PYTHON) or sys.executable
        # -P: a trainer.py or random.py in the user's folder must not take the place of ours.
        return TrainerProgram((python, "-P", "-m", "trainer"), place, None, evaluation)
    try:
        words = tuple(shlex.split(command))
    except ValueError:
        words = ()
    if words and words[0] in ("python", "python3"):
        words = (os.environ.get(PYTHON) or sys.executable, *words[1:])
    if not words or not (shutil.which(words[0]) or (place / words[0]).is_file()):
        raise TrainerNotFound(command)
    return TrainerProgram(words, place, command, evaluation)


def _infos(kind: type[Any], infos: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if infos is None:
        return None
    return {name: decode(kind, info) for name, info in infos.items()}
