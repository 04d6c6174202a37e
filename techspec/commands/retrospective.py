"""techspec retrospective: save what was learned as a skill that the next advise finds."""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

import yaml

from techspec.commands.shared_arguments import add_registry, add_spec
from techspec.commands.show import as_json, plain
from techspec.errors import TechspecError
from techspec.ledger.folder import started
from techspec.records import NotThatRecord, decode
from techspec.skill.branch import PullRequest
from techspec.skill.distil import Notes
from techspec.skill.objections import Objection
from techspec.skill.places import registry_for
from techspec.skill.registry import Registry
from techspec.skill.retrospective import Choice, Ready, prepare, prepare_lesson
from techspec.skill.share import Shared, share
from techspec.skill.writing import UnfitPage
from techspec.spec.reader import read_file
from techspec.verdict.campaign import judged

EXAMPLE = "techspec retrospective TECHSPEC.md --name addition-digit-order --notes notes.yaml"


class BadNotes(TechspecError):
    """A notes file that cannot be read."""

    def __init__(self, path: Path, why: str) -> None:
        keys = ", ".join(field.name for field in fields(Notes))
        super().__init__(
            f"{path} holds no notes that can be read: {why}.",
            f"write YAML with any of the keys {keys}: a dash before each item of a list, and "
            "quotes around text with a colon in it; see docs/retrospective.md.",
        )


def arguments(parser: argparse.ArgumentParser) -> None:
    """The spec, the skill's name, prose to add, what becomes of twins, and where it is saved."""
    add_spec(parser)
    parser.add_argument(
        "--name", default="", help="of the page that is meant; default: from the title"
    )
    parser.add_argument("--notes", type=Path, help="YAML: description, workflow, attempts, …")
    parser.add_argument(
        "--lesson", action="store_true", help="save the notes alone, without a campaign: anecdote"
    )
    parser.add_argument(
        "--update", default="", metavar="NAME", help="become the next version of this page"
    )
    parser.add_argument(
        "--differs",
        default="",
        metavar="HOW",
        help="how it differs from a page that seems to say the same, so that both stay",
    )
    parser.add_argument(
        "--supersedes", default="", metavar="NAME", help="a page that this one refutes"
    )
    parser.add_argument(
        "--branch",
        nargs="?",
        const="",
        metavar="BRANCH",
        help="commit to a branch of the registry's repository, and leave the checkout as it is; "
        "default: skill/NAME",
    )
    parser.add_argument("--pr", action="store_true", help="--branch, and open its pull request")
    add_registry(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Write the page with its evidence; exit 1 if a pull request was asked for and is not open."""
    notes = read_notes(args.notes) if args.notes else Notes()
    if args.name:
        notes = replace(notes, name=args.name)
    choice = Choice(args.update, args.differs, args.supersedes)
    registry, ready = _prepared(args, notes, choice)
    branch = "" if args.branch is None and args.pr else args.branch
    try:
        shared = share(ready, registry, branch, args.pr)
    except UnfitPage as unfit:
        raise UnfitPage(unfit.name, _placed(unfit.objections, args.notes)) from None
    if args.json:
        print(json.dumps(_as_fields(shared)))
    else:
        print("\n".join(_lines(shared)))
    return 1 if shared.request and not shared.request.url else 0


def _prepared(
    args: argparse.Namespace, notes: Notes, choice: Choice
) -> tuple[Registry, Callable[[], Ready]]:
    """The registry, and how the page is prepared when it is held."""
    if args.lesson:
        registry = registry_for(args.spec.resolve().parent, args.registry)
        return registry, lambda: prepare_lesson(notes, registry, choice)
    spec, campaign = read_file(args.spec), judged(started(args.spec))
    registry = registry_for(campaign.folder.project, args.registry)
    return registry, lambda: prepare(spec, campaign, notes, registry, choice)


def _as_fields(shared: Shared) -> dict[str, object]:
    saved = shared.saved
    told: dict[str, object] = {
        "path": str(saved.path), "version": saved.version, "changed": saved.changed,
        "superseded": dict(shared.superseded),
    }  # fmt: skip
    if shared.branch:
        told |= {"branch": shared.branch, "commit": shared.commit}
    if shared.request:
        told |= as_json(pull_request=shared.request)
    return told


def _lines(shared: Shared) -> list[str]:
    saved = shared.saved
    place = shared.place or saved.path
    if not saved.changed:
        lines = [f"Skill: {place} says this already (version {saved.version})."]
    else:
        lines = [f"Skill: {place} (version {saved.version}), its evidence beside it."]
    lines += [
        f"Superseded: {name}, which now names its successor: {why}."
        for name, why in shared.superseded.items()
    ]
    if shared.branch and shared.commit:
        lines.append(f"Committed as {shared.commit[:12]} on the branch {shared.branch!r};")
        lines.append("the checkout is as it was.")
    elif shared.branch:
        lines.append(f"The branch {shared.branch!r} has all of it; nothing was committed.")
    if shared.request:
        lines += _about_request(shared.request)
    return [plain(line) for line in lines]


def _about_request(request: PullRequest) -> list[str]:
    if request.url:
        return [f"Pull request: {request.url}"]
    return [
        f"No pull request was opened: {request.why_not}. Run:",
        *(f"  {command}" for command in request.run),
    ]


def read_notes(path: Path) -> Notes:
    """Prose for a page, from a YAML file.

    Raises:
        BadNotes: it is missing, no YAML, or of another form.
    """
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise BadNotes(path, error.strerror or "the system refused") from None
    except UnicodeDecodeError as error:
        raise BadNotes(path, f"byte {error.start} is not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise BadNotes(path, f"{place}{error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:  # the latter for a date that is none
        raise BadNotes(path, str(error).splitlines()[0]) from None
    if not isinstance(said, dict):
        raise BadNotes(path, f"it is a {type(said).__name__} and no keys with values")
    if unknown := set(said) - {field.name for field in fields(Notes)}:
        raise BadNotes(path, f"there is no key {sorted(map(str, unknown))[0]!r}")
    try:
        return decode(Notes, {**said, "attempts": _attempts(path, said.get("attempts") or [])})
    except NotThatRecord as error:
        raise BadNotes(path, str(error).removeprefix("Notes.").splitlines()[0]) from None


def _placed(found: Sequence[Objection], notes: Path | None) -> list[Objection]:
    """Objections, those to notes with the line of the file in which they stand."""
    if notes is None:
        return list(found)
    lines = dict(_lines_of(yaml.compose(notes.read_text(encoding="utf-8"), yaml.SafeLoader)))
    placed = [
        replace(each, file=str(notes), line=lines.get(each.key, 0)) if each.key else each
        for each in found
    ]
    return sorted(placed, key=lambda each: (not each.key, each.line))


def _lines_of(node: yaml.Node | None, key: str = "") -> Iterator[tuple[str, int]]:
    """The key of each value below a node of YAML, and its line."""
    if node is not None and key:
        yield key, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _lines_of(value, f"{key}.{name.value}" if key else name.value)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _lines_of(value, f"{key}[{number}]")


def _attempts(path: Path, said: object) -> object:
    """Failed attempts, each with what the page needs; what would have helped may be unknown."""
    if not isinstance(said, list):
        return said
    made = []
    for number, each in enumerate(said, start=1):
        given = set(each) if isinstance(each, dict) else set()
        if lacking := [key for key in ("attempt", "why") if key not in given]:
            raise BadNotes(path, f"attempt {number} lacks {' and '.join(lacking)}")
        if unknown := given - {"attempt", "why", "lesson"}:
            raise BadNotes(path, f"attempt {number} has no key {min(map(str, unknown))!r}")
        made.append({"lesson": "", **each})
    return made
