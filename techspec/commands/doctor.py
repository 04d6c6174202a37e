"""techspec doctor: check this installation, the trainer's Python and the registry."""

import argparse
import importlib.metadata
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from techspec.commands.shared_arguments import add_registry
from techspec.commands.show import as_json, count, plain
from techspec.errors import TechspecError
from techspec.ledger.events import Opened
from techspec.ledger.journal import is_held, writing
from techspec.run.trainer_call import program
from techspec.skill import embedding
from techspec.skill.index import labels
from techspec.skill.page import Skill, visible
from techspec.skill.places import RegistryUnreadable, missing_sources, registry_to_read
from techspec.skill.registry import Registry

EXAMPLE = "techspec doctor --json"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `fix` is empty when all is well."""

    what: str
    found: str
    fix: str = ""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Where registries are, and the form of the answer."""
    add_registry(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Exit 1 if something needs a hand."""
    checks = [*_packages(), _trainer(), _locks(), _embeddings(), *_registry(args.registry)]
    if args.json:
        print(json.dumps(as_json(checks=checks)))
    for check in checks if not args.json else ():
        print(plain(f"{'ok  ' if not check.fix else 'MEND'}  {check.what}: {check.found}"))
        if check.fix:
            print(plain(f"        fix: {check.fix}"))
    return 1 if any(check.fix for check in checks) else 0


def _packages() -> Iterator[Check]:
    yield Check("python", sys.version.split()[0])
    for name, needed_by in (("mcp", "server"), ("scipy", "verdicts"), ("matplotlib", "page")):
        try:
            yield Check(name, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Check(name, f"missing: no {needed_by} without it", f"pip install {name}")


def _trainer() -> Check:
    bundled = program(None, Path.cwd())
    done = subprocess.run(
        [*bundled.command, "check"],
        env=bundled.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return Check("trainer", "; ".join(done.stdout.split("\n")[:3]).strip("; "))
    return Check(
        "trainer",
        (done.stdout + done.stderr).strip() or f"exit code {done.returncode}",
        "pip install torch numpy, or set TECHSPEC_PYTHON to a Python that has torch.",
    )


def _locks() -> Check:
    """Campaigns rely on locks that a dead process lets go; some network disks have none."""
    try:
        with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".techspec-doctor-") as scratch:
            path = Path(scratch) / "ledger.jsonl"
            with writing(path) as append:
                append(Opened("", "", ""))
                held = is_held(path)
            works = held and not is_held(path)
    except (OSError, TechspecError) as error:
        return Check(
            "locks", f"cannot be tried in {Path.cwd()}: {error}", "work in another folder."
        )
    if works:
        return Check("locks", f"work in {Path.cwd()}")
    return Check("locks", f"do not work in {Path.cwd()}", "keep campaigns on a local disk.")


def _embeddings() -> Check:
    try:
        folder = embedding.find()
        if folder is None:
            return Check("embeddings", "none: pages are found by their words and what those teach")
        return Check("embeddings", f"{folder}, {embedding.load(folder).width} numbers a page")
    except TechspecError as error:
        return Check("embeddings", error.what, error.fix)


def _registry(named: list[Path]) -> Iterator[Check]:
    try:
        registry = registry_to_read(Path.cwd(), named)
    except RegistryUnreadable as error:
        yield Check("registry", error.what, error.fix)
        return
    if not registry.folders[0].is_dir():
        yield Check("registry", f"{registry.folders[0]} is not there yet; the first skill makes it")
    for what, fix in missing_sources(registry.folders[0]):
        yield Check("registry", what, fix)
    try:
        skills = registry.skills()
    except TechspecError as error:
        yield Check("registry", error.what, error.fix)
        return
    yield Check("registry", f"{count(len(skills), 'skill')}")
    yield from _twice(registry, skills)
    for skill in skills:
        for problem in skill.problems:
            yield Check("skill", f"{skill.path}:{problem.line}: {problem.what}", problem.fix)


_SHOWN = 3
"""Names that stand for several pages, and pages of each, that are told with their paths."""
_OTHERS = 10
"""Further such names that are told."""


def _twice(registry: Registry, skills: Sequence[Skill]) -> Iterator[Check]:
    """Which names several pages have; each is cited apart from the others, so nothing is wrong."""
    pages: dict[str, list[str]] = {}
    for skill, name in zip(skills, labels(registry, skills), strict=True):
        pages.setdefault(name.partition("#")[0], []).append(f"{name} is {skill.path}")
    several = [(name, paths) for name, paths in pages.items() if len(paths) > 1]
    for name, paths in several[:_SHOWN]:
        listed = ", ".join(visible(each) for each in paths[:_SHOWN])
        more = f", and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        yield Check("names", f"{count(len(paths), 'page')} are called {name!r}: {listed}{more}")
    if len(several) > _SHOWN:
        others = ", ".join(name for name, _ in several[_SHOWN:][:_OTHERS])
        left = len(several) - _SHOWN
        more = ", …" if left > _OTHERS else ""
        yield Check("names", f"{count(left, 'more name')} of several pages: {others}{more}")
