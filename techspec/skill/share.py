"""A prepared page in, the page in the registry folder or on a branch of its repository out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from techspec.skill.branch import PullRequest, commit, open_pull_request
from techspec.skill.page import read
from techspec.skill.registry import Registry
from techspec.skill.retrospective import Ready, save_on
from techspec.skill.writing import EditedByHand, LeadsOutOfRegistry, Saved, SkillTaken, writing


@dataclass(frozen=True, slots=True)
class Shared:
    """What became of a page; what nobody asked for is empty."""

    name: str
    saved: Saved
    superseded: Mapping[str, str]
    """By their names the pages that now name this one as their successor, and why; by their folders
    too where several have one name."""
    branch: str = ""
    place: str = ""
    """Of the page on the branch, as `git show` takes it."""
    commit: str = ""
    request: PullRequest | None = None


def share(
    prepare: Callable[[], Ready],
    registry: Registry,
    branch: str | None = None,
    pull_request: bool = False,
) -> Shared:
    """Save a page to the registry folder, or commit it on a branch of the registry's repository.

    Args:
        prepare: makes the page and holds it against the registry; called when nobody else writes.
        registry: its first folder is written to.
        branch: to commit to; "" is skill/NAME, None saves to the folder.
        pull_request: push the branch and open its pull request.

    Raises:
        As `prepare`, `Shelf.save` and `branch.commit`.
    """
    root = registry.folders[0]
    if branch is None:
        with writing(root) as shelf:
            ready = prepare()
            return _shared(ready, save_on(shelf, ready))
    ready = prepare()
    name = ready.draft.name
    branch = branch or f"skill/{name}"

    def anew() -> tuple[Sequence[str], Callable[[Path], Saved]]:
        nonlocal ready
        ready = prepare()
        return ready.folders, lambda below: _saved_below(below, ready, branch)

    done = commit(root, branch, anew, _message(ready))
    saved = replace(done.made, path=root / name / "SKILL.md", changed=bool(done.commit))
    request = None
    if pull_request:
        title, _, body = _message(ready).partition("\n")
        request = open_pull_request(done, title, body.strip())
    path = saved.path.parent.resolve().relative_to(done.repository.resolve()) / "SKILL.md"
    return replace(
        _shared(ready, saved),
        branch=done.branch,
        place=f"{done.branch}:{path.as_posix()}",
        commit=done.commit,
        request=request,
    )


def _shared(ready: Ready, saved: Saved) -> Shared:
    names = [old.skill.name for old in ready.superseded]
    superseded = {
        name if names.count(name) == 1 else f"{name} ({old.skill.path.parent.name})": old.why
        for name, old in zip(names, ready.superseded, strict=True)
    }
    return Shared(ready.draft.name, saved, superseded)


def _saved_below(root: Path, ready: Ready, branch: str) -> Saved:
    with writing(root) as shelf:
        try:
            return save_on(shelf, ready)
        except (SkillTaken, EditedByHand, LeadsOutOfRegistry) as error:  # the place is gone soon
            place = Path(error.path).relative_to(root)
            raise type(error)(f"{place} on the branch {branch!r}") from None


def _message(ready: Ready) -> str:
    page = read(ready.draft.page)
    return (
        f"Add what {page.name} taught\n\n{page.description}\n\n"
        f"Evidence: {page.evidence}. Check its numbers with: techspec skills verify {page.name}\n"
    )
