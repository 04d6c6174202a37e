"""techspec retrospective: save what a campaign taught as a skill that the next advise finds."""

import argparse
import dataclasses
import json
from pathlib import Path

import yaml

from techspec.errors import TechspecError
from techspec.ledger.folder import started
from techspec.records import NotThatRecord, decode
from techspec.skill.distil import Notes
from techspec.skill.places import registry_for
from techspec.skill.retrospective import save
from techspec.spec.reader import read_file
from techspec.verdict.campaign import judged

EXAMPLE = "techspec retrospective TECHSPEC.md --name addition-digit-order --notes notes.yaml"


class BadNotes(TechspecError):
    """A notes file that cannot be read."""

    def __init__(self, path: Path, why: str) -> None:
        keys = ", ".join(field.name for field in dataclasses.fields(Notes))
        super().__init__(
            f"{path} holds no notes that can be read: {why}.",
            f"write YAML with any of the keys {keys}; see docs/retrospective.md.",
        )


def arguments(parser: argparse.ArgumentParser) -> None:
    """The spec, the skill's name, prose to add, and where it is saved."""
    parser.add_argument("spec", type=Path, nargs="?", default=Path("TECHSPEC.md"))
    parser.add_argument("--name", default="", help="of the skill; default: from the title")
    parser.add_argument("--notes", type=Path, help="YAML: description, workflow, attempts, …")
    parser.add_argument("--registry", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Write the page with its evidence."""
    spec, campaign = read_file(args.spec), judged(started(args.spec))
    notes = read_notes(args.notes) if args.notes else Notes()
    if args.name:
        notes = dataclasses.replace(notes, name=args.name)
    registry = registry_for(campaign.folder.project, args.registry)
    _, saved = save(spec, campaign, notes, registry)
    if args.json:
        print(json.dumps({"path": str(saved.path), "version": saved.version,
                          "changed": saved.changed}))  # fmt: skip
    elif saved.changed:
        print(f"Skill: {saved.path} (version {saved.version}), its evidence beside it.")
    else:
        print(f"Skill: {saved.path} says this already (version {saved.version}).")
    return 0


def read_notes(path: Path) -> Notes:
    """Prose for a page, from a YAML file.

    Raises:
        BadNotes: it is missing, no YAML, or of another form.
    """
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        if unknown := set(said) - {field.name for field in dataclasses.fields(Notes)}:
            raise BadNotes(path, f"there is no key {sorted(map(str, unknown))[0]!r}")
        return decode(Notes, said)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, NotThatRecord, TypeError) as error:
        raise BadNotes(path, str(error).splitlines()[0]) from None
