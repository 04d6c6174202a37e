"""A page and a git repository in, a commit on a branch out, and the pull request for it.

The user's checkout stays as it is: no file, index or HEAD of it is touched.
"""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from techspec.errors import TechspecError

T = TypeVar("T")

_TRIES = 20
"""How often another process may win the branch before we give up."""

_NONE = "0" * 40


class NotInGit(TechspecError):
    """A branch was asked for where there is no repository."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} lies in no git repository, so there is no branch to commit to.",
            f"make it one with 'git init {folder}', or save without --branch.",
        )


class GitRefused(TechspecError):
    """Git said no."""

    def __init__(self, words: Sequence[str], said: str) -> None:
        last = (said.strip().splitlines() or ["nothing"])[-1]
        super().__init__(
            f"'git {' '.join(words[:2])}' failed: {last[:300]}",
            "put that right, or save without --branch and commit the folder yourself.",
        )


class BadBranch(TechspecError):
    """A name that git does not take for a branch, or takes for something else."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:100]!r} cannot be the name of a branch.", "take one such as skill/my-lesson."
        )


class BranchInUse(TechspecError):
    """The branch is checked out, so a commit would change it under somebody's hands."""

    def __init__(self, branch: str, place: str) -> None:
        super().__init__(
            f"The branch {branch!r} is checked out at {place}.",
            "name another branch, or save there without --branch and commit it yourself.",
        )


@dataclass(frozen=True, slots=True)
class Committed(Generic[T]):
    """Where the page is now; `commit` is "" when the branch had all of it already."""

    branch: str
    commit: str
    repository: Path
    made: T
    """What writing the page gave."""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """The pull request's address, or what to run to open it, and why we did not."""

    url: str = ""
    why_not: str = ""
    run: tuple[str, ...] = ()


def commit(
    root: Path,
    branch: str,
    prepare: Callable[[], tuple[Sequence[str], Callable[[Path], T]]],
    message: str,
) -> Committed[T]:
    """Commit what `prepare` wants to write on a branch of the repository that holds `root`.

    A new branch begins where the remote's default branch is, as far as that was fetched, else at
    HEAD; one that exists is continued.

    Args:
        root: the registry folder.
        branch: its short name.
        prepare: gives the folders that change, as paths from `root`, and what writes them below
            another root; called again when another process has committed in between.
        message: of the commit.

    Raises:
        NotInGit, BadBranch, BranchInUse, GitRefused: as their texts say.
    """
    top = _top(root)
    within = root.resolve().relative_to(top)
    if not _is_name(top, branch):
        raise BadBranch(branch)
    _not_checked_out(top, branch)
    for _ in range(_TRIES):
        tip = _commit_of(top, f"refs/heads/{branch}")
        parent = tip or _commit_of(top, "refs/remotes/origin/HEAD") or _commit_of(top, "HEAD")
        folders, write = prepare()
        with tempfile.TemporaryDirectory(prefix="techspec-branch-") as scratch:
            tree, made = _written(top, parent, within, folders, write, Path(scratch))
        if parent and tree == _git(top, ["rev-parse", f"{parent}^{{tree}}"]).stdout.strip():
            return Committed(branch, "", top, made)
        parents = ["-p", parent] if parent else []
        new = _git(top, ["commit-tree", tree, *parents, "-F", "-"], message).stdout.strip()
        words = ["update-ref", "-m", "techspec", f"refs/heads/{branch}", new, tip or _NONE]
        moved = _git(top, words, check=False)
        if moved.returncode == 0:
            return Committed(branch, new, top, made)
    raise GitRefused(words, moved.stderr)


def open_pull_request(done: Committed[T], title: str, body: str) -> PullRequest:
    """Push the branch and open its pull request, with `gh`; without it, say what to run."""
    top, branch = done.repository, done.branch
    place = shlex.quote(str(top))
    head = f"refs/heads/{branch}"
    push = f"git -C {place} push -u origin {shlex.quote(head)}"
    create = ["gh", "pr", "create", "--head", branch, "--title", title, "--body", body]
    by_hand = (push, f"(cd {place} && {shlex.join(create)})")
    remote = _git(top, ["remote", "get-url", "origin"], check=False).stdout.strip()
    if not remote:
        add = f"git -C {place} remote add origin URL"
        return PullRequest(why_not="the repository has no remote 'origin'", run=(add, *by_hand))
    if shutil.which("gh") is None:
        compare = _compare(remote, branch)
        run = (push, f"open {compare}") if compare else by_hand
        return PullRequest(why_not="the program gh is not installed", run=run)
    pushed = _git(top, ["push", "-u", "origin", head], check=False)
    if pushed.returncode:
        return PullRequest(why_not=f"the push failed: {_last(pushed.stderr)}", run=by_hand)
    asked = subprocess.run(
        create, cwd=top, env=_environment(), capture_output=True, text=True, check=False
    )
    if asked.returncode:
        return PullRequest(why_not=f"gh said: {_last(asked.stderr)}", run=by_hand[1:])
    return PullRequest(url=_last(asked.stdout))


def _written(
    top: Path,
    parent: str,
    within: Path,
    folders: Sequence[str],
    write: Callable[[Path], T],
    scratch: Path,
) -> tuple[str, T]:
    """The tree of `parent` with what `write` changes in these folders, made beside the checkout."""
    tree = scratch / "tree"
    tree.mkdir()
    own = {"GIT_INDEX_FILE": str(scratch / "index")}
    _git(top, ["read-tree", parent or "--empty"], own=own)
    paths = [(within / folder).as_posix() for folder in folders]
    there = _git(top, ["ls-files", "-z", "--", *paths], own=own).stdout
    _git(top, ["checkout-index", "-z", "--stdin", f"--prefix={tree}/"], there, own=own)
    made = write(tree / within)
    changed = [path for path in paths if (tree / path).exists()]
    kept_in = _git(top, ["rev-parse", "--absolute-git-dir"]).stdout.rstrip("\n")
    elsewhere = [f"--git-dir={kept_in}", f"--work-tree={tree}"]
    _git(tree, [*elsewhere, "add", "--all", "--force", "--", *changed], own=own)
    return _git(top, ["write-tree"], own=own).stdout.strip(), made


def _top(root: Path) -> Path:
    here = root.resolve()
    while not here.is_dir():
        here = here.parent
    found = _git(here, ["rev-parse", "--show-toplevel"], check=False)
    if found.returncode or not found.stdout.strip():
        raise NotInGit(root)
    return Path(found.stdout.rstrip("\n")).resolve()


_NO_NAME = re.compile(r"@|refs/.*|([A-Z]+_)?HEAD|[0-9a-f]{40}|[0-9a-f]{64}")
"""What git takes for a reference of its own, a full one or a commit, whatever there is."""


def _is_name(top: Path, branch: str) -> bool:
    """Whether git takes it for a new branch's name, and a command that is given it means this one.

    A tag of that name is let pass: where it matters we say `refs/heads/`.
    """
    taken = _git(top, ["check-ref-format", "--branch", branch], check=False)
    if taken.returncode or taken.stdout != f"{branch}\n" or _NO_NAME.fullmatch(branch):
        return False
    words = ["rev-parse", "--quiet", "--verify", "--symbolic-full-name", branch]
    means = _git(top, words, check=False).stdout.strip()
    return means in ("", f"refs/heads/{branch}", f"refs/tags/{branch}")


def _not_checked_out(top: Path, branch: str) -> None:
    listed = _git(top, ["worktree", "list", "--porcelain"]).stdout
    for entry in listed.split("\n\n"):
        lines = entry.splitlines()
        if f"branch refs/heads/{branch}" in lines:
            raise BranchInUse(branch, lines[0].removeprefix("worktree "))


def _commit_of(top: Path, reference: str) -> str:
    words = ["rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}"]
    return _git(top, words, check=False).stdout.strip()


def _compare(remote: str, branch: str) -> str:
    """The page of a GitHub remote that opens a pull request; "" for another host."""
    found = re.fullmatch(
        r"(?:https://|ssh://git@|git@)github\.com[/:]([\w.-]+/[\w.-]+?)(\.git)?/?",
        remote,
    )
    return f"https://github.com/{found[1]}/compare/{branch}?expand=1" if found else ""


def _last(said: str) -> str:
    return (said.strip().splitlines() or ["nothing"])[-1][:300]


def _environment() -> dict[str, str]:
    """Ours, without what a git hook sets for its own repository, and without prompts."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("GIT_DIR")}
    for key in ("GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY"):
        own.pop(key, None)
    return {**own, "GIT_TERMINAL_PROMPT": "0", "GH_PROMPT_DISABLED": "1"}


def _git(
    place: Path,
    words: Sequence[str],
    text: str = "",
    own: dict[str, str] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(
            ["git", "-C", str(place), *words],
            input=text,
            env={**_environment(), **(own or {})},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError:
        raise GitRefused(words, "git is not installed") from None
    if check and done.returncode:
        raise GitRefused(words, done.stderr)
    return done
