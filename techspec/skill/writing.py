"""A skill's folder into the registry folder that is written to: whole, or not at all.

No page of somebody else is lost: what a page said before lies in its folder, or the page stays.
"""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from techspec import durable
from techspec.clock import now
from techspec.errors import TechspecError
from techspec.identity import digest_text
from techspec.render import quoted
from techspec.skill.objections import NAME, Objection, objections
from techspec.skill.page import read


class BadSkillName(TechspecError):
    """A name that cannot be a skill's folder."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:100]!r} cannot be the name of a skill.",
            "take 1 to 64 of a-z, 0-9 and single dashes, such as addition-width-depth.",
        )


class BadFileName(TechspecError):
    """A file beside a page that would not lie inside its folder."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:100]!r} cannot be a file of a skill.",
            "give a relative path inside its folder, such as evidence/runs.csv.",
        )


class SkillTaken(TechspecError):
    """A page of that name is another campaign's or person's."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"There is a skill at {path} that another wrote.",
            "save yours under another name; the other page stays as it is.",
        )
        self.path = path


class LeadsOutOfRegistry(TechspecError):
    """A link where a skill's folder should be."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"{path} is a link, so a page written there would land outside the registry.",
            "replace the link by a folder, or save under another name.",
        )
        self.path = path


class EditedByHand(TechspecError):
    """The page has words that techspec did not write and would lose."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"{path} was edited after it was saved; saving again would lose that.",
            "put your words into the notes and move the page away, or save under another name.",
        )
        self.path = path


class UnfitPage(TechspecError):
    """A page with rows that say nothing, secrets, or what belongs to one machine."""

    def __init__(self, name: str, found: Sequence[Objection]) -> None:
        listed = "".join(f"\n    {o.where}: {o.what}\n      fix: {o.fix}" for o in found)
        super().__init__(
            f"The page {name!r} cannot be shared yet:{listed}", "change these lines and save again."
        )
        self.name = name
        self.objections = tuple(found)


@dataclass(frozen=True, slots=True)
class Saved:
    """Where a page was written; `version` counts from 1, `changed` is False for the same again."""

    path: Path
    version: int
    changed: bool = True


def checked(name: str, page: str, files: Mapping[str, str]) -> None:
    """Let a page pass that may be written and shared.

    Raises:
        BadSkillName, BadFileName: they could leave the registry.
        UnfitPage: everything in page or files that must not be shared, at once.
    """
    named(name, files)
    if found := objections(name, {"SKILL.md": page, **files}):
        raise UnfitPage(name, found)


def named(name: str, files: Mapping[str, str]) -> None:
    """Let names pass that stay inside the registry.

    Raises:
        BadSkillName, BadFileName: they could leave it.
    """
    if not NAME.match(name) or len(name) > 64:
        raise BadSkillName(name)
    for file in files:
        parts = PurePosixPath(file).parts
        is_page = [part.lower() for part in parts] == ["skill.md"]  # `./SKILL.md` is it too
        if file.startswith(("/", "~")) or not parts or is_page or "\\" in file:
            raise BadFileName(file)
        if any(part.startswith(".") or "\0" in part or ":" in part for part in parts):
            raise BadFileName(file)


def name_value(name: str) -> str:
    """A name as the head of a page says it: quoted where YAML would read a number or the like.

    >>> name_value("rope-theta"), name_value("2048"), name_value("on")
    ('rope-theta', '"2048"', '"on"')
    """
    resolve = yaml.SafeLoader("").resolve
    tag = resolve(yaml.ScalarNode, name, (True, False))  # type: ignore[no-untyped-call]
    return name if tag == "tag:yaml.org,2002:str" else quoted(name)


@contextlib.contextmanager
def writing(root: Path) -> Iterator["Shelf"]:
    """Hold the registry folder `root` as its only writer; another writer waits its turn.

    Raises:
        CannotWrite: the system refused.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root, os.O_RDONLY)  # the folder itself: no lock file to be committed
    except OSError as error:
        raise durable.CannotWrite(root, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield Shelf(root)
    except OSError as error:
        raise durable.CannotWrite(root, error) from error
    finally:
        os.close(descriptor)


class Shelf:
    """A registry folder that this process holds. Pages that come here were `checked`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def save(
        self,
        name: str,
        page: str,
        files: Mapping[str, str],
        why: str = "written again from the same campaign",
        in_place_of_another: bool = False,
    ) -> Saved:
        """Write a skill's folder; it appears whole.

        A page that the same campaign wrote before is updated: its version goes up by one and its
        History gains a line. The same content again changes nothing.

        Args:
            name: of the folder; the page's own `name` must be the same.
            page: the whole SKILL.md.
            files: text by relative path, such as `evidence/runs.csv`.
            why: what the line of History says, if there was a page before.
            in_place_of_another: be the next version of a page that another campaign or person
                wrote; that page is kept whole in `evidence/version-N/`.

        Raises:
            SkillTaken: the name is another's.
            EditedByHand: somebody's words would be lost.
            LeadsOutOfRegistry: a link lies there.
            CannotWrite: the system refused.
        """
        folder = self.root / name
        if folder.is_symlink():
            raise LeadsOutOfRegistry(folder)
        if folder.exists() or (self.root / f"{name}.md").exists():
            return _update(folder, page, files, why, in_place_of_another)
        _create(folder, {"SKILL.md": page, **files, _AS_WRITTEN: _digest(page)})
        return Saved(folder / "SKILL.md", 1)

    def note_successor(self, path: Path, successor: str, why: str) -> bool:
        """Say on the page at `path` which page follows it; False if it does already, or cannot.

        Nothing else on it changes, so that whoever wrote it finds their words again.

        Raises:
            LeadsOutOfRegistry: a link lies there.
            CannotWrite: the system refused.
        """
        self.within(path)
        try:
            old = path.read_bytes().decode()
        except UnicodeDecodeError:
            return False  # it could not be written again as it was
        named = read(old).metadata.get("superseded-by", "").split(", ")
        by, title = f"- By `{successor}`, ", "## Superseded"
        noted = old.partition(f"\n{title}\n")[2].splitlines()  # all that a page without a head has
        if successor in named or any(line.startswith(by) for line in noted):
            return False
        successors = ", ".join(filter(None, [*named, successor]))
        new = with_metadata(old, "superseded-by", successors)
        line = f"{by}{now()[:10]}: {why}"
        if f"\n{title}\n" in new:
            new = new.rstrip("\n") + f"\n{line}\n"
        else:
            new = new.rstrip("\n") + f"\n\n{title}\n\n{line}\n"
        self.rewrite(path, old, new)
        return True

    def within(self, path: Path) -> None:
        """Let a path pass at which a file of this registry may be written.

        Raises:
            LeadsOutOfRegistry: a link lies there, or in a folder above it.
        """
        if path.is_symlink() or not path.resolve().is_relative_to(self.root.resolve()):
            raise LeadsOutOfRegistry(path)

    def rewrite(self, path: Path, old: str, new: str) -> None:
        """Put a page in place of itself; one that nobody edited by hand still counts as such.

        Raises:
            LeadsOutOfRegistry: a link lies there, or where its digest does.
            CannotWrite: the system refused.
        """
        as_written = path.parent / _AS_WRITTEN
        self.within(path)
        self.within(as_written)
        if as_written.is_file() and _is_as_written(path.parent, old):
            _replace(path, old, new)
        else:
            durable.write(path, new)


def with_metadata(page: str, key: str, value: str) -> str:
    """The page with a value under `metadata:` of its head, every other line as it was.

    A page without a head that can be read stays as it is: what it says in words must do.
    """
    lines = page.split("\n")
    end = next((n for n, line in enumerate(lines[1:], start=1) if line.rstrip() == "---"), None)
    if lines[0].rstrip() != "---" or end is None:
        return page
    own = f"  {key}: {quoted(value)}"
    there = [n for n in range(1, end) if re.match(rf"\s+{re.escape(key)}:", lines[n])]
    start = next((n for n in range(1, end) if re.match(r"metadata:\s*$", lines[n])), None)
    if there and start is not None:
        lines[there[0]] = own
    elif start is not None:
        below = lines[start + 1] if start + 1 < end else own
        indent = below[: len(below) - len(below.lstrip())] or "  "
        lines.insert(start + 1, indent + own.lstrip())
    else:
        lines[end:end] = ["metadata:", own]
    changed = "\n".join(lines)
    before, after = read(page), read(changed)
    fits = after.metadata.get(key) == value and after.description == before.description
    return changed if fits and len(after.problems) == len(before.problems) else page


def _create(folder: Path, files: Mapping[str, str]) -> None:
    """Write beside, then rename: no reader meets half a skill."""
    half = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        half.chmod(0o755)
        for name, text in files.items():
            durable.write(half / name, text)
        half.rename(folder)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise


def _update(
    folder: Path, page: str, files: Mapping[str, str], why: str, in_place_of_another: bool
) -> Saved:
    path = folder / "SKILL.md"
    if not path.is_file() or path.is_symlink():
        raise SkillTaken(folder)
    old_text = path.read_text(encoding="utf-8", errors="replace")
    old, new = read(old_text, path), read(page, path)
    campaign = new.metadata.get("techspec-campaign")
    is_own = bool(campaign) and old.metadata.get("techspec-campaign") == campaign
    if not is_own and not in_place_of_another:
        raise SkillTaken(path)
    if is_own and not _is_as_written(folder, old_text):
        raise EditedByHand(path)
    for name in files:
        _inside(folder, name)
    version = int(text) if (text := old.metadata.get("version", "")).isdecimal() else 1
    history = _history(old_text) or [f"- Version {version}: of another author."]
    page = _carried(old_text, page)
    same = _versioned(page, version, history) == old_text and all(
        (folder / name).is_file() and (folder / name).read_text(encoding="utf-8") == text
        for name, text in files.items()
    )
    if same:
        return Saved(path, version, changed=False)
    before: list[Path] = []
    if not is_own:
        before = _keep(folder, version)
        why += f"; version {version} is kept in `evidence/version-{version}/`"
    for name, text in files.items():  # the page last: what it says is never ahead of its evidence
        durable.write(folder / name, text)
    for stale in set(before) - {folder / name for name in (*files, _AS_WRITTEN)}:
        stale.unlink(missing_ok=True)  # evidence of the version that was kept, and of no other
    line = f"- Version {version + 1}, {now()[:10]}: {why}."
    newest = _versioned(page, version + 1, [*history, line])
    _replace(path, old_text, newest)
    return Saved(path, version + 1)


def _is_as_written(folder: Path, page: str) -> bool:
    """Whether nobody edited a page since it was written; of an older one nothing tells."""
    written = folder / _AS_WRITTEN
    known = {_digest(page), digest_text(page)}  # the latter is what earlier versions wrote
    return not written.is_file() or bool(known & set(written.read_text("utf-8").split()))


def _digest(page: str) -> str:
    """Of a page without its links, which other pages' saving writes and a person may cut."""
    head, end, body = page.partition("\n---\n")
    own = [line for line in head.split("\n") if not _LINK.match(line)]
    return digest_text("\n".join(own) + end + _OF_OTHERS.sub("", body).rstrip())


def _replace(path: Path, old: str, new: str) -> None:
    """Write a page and its digest; whoever dies between leaves a page that counts as written."""
    as_written = path.parent / _AS_WRITTEN
    durable.write(as_written, f"{_digest(old)}\n{_digest(new)}")
    durable.write(path, new)
    durable.write(as_written, _digest(new))


def _inside(folder: Path, name: str) -> None:
    inside = (folder / name).parent.resolve()
    if not inside.is_relative_to(folder.resolve()) or (folder / name).is_symlink():
        raise LeadsOutOfRegistry(folder / name)


def _keep(folder: Path, version: int) -> list[Path]:
    """Copy a version of the page with its evidence aside, as a skill's folder of its own.

    Its findings go on to count. Returns the files that were copied, the page left out.

    The page is copied last: where it lies already, whoever copied it died behind that, and the
    evidence beside the page may be the next version's.
    """
    kept = folder / "evidence" / f"version-{version}"
    _inside(folder, f"evidence/version-{version}/evidence/runs.csv")
    (kept / "evidence").mkdir(parents=True, exist_ok=True)
    page = (folder / "SKILL.md").read_bytes()
    if (kept / "SKILL.md").is_file() and (kept / "SKILL.md").read_bytes() == page:
        return [folder / "evidence" / beside.name for beside in (kept / "evidence").iterdir()]
    copied = [
        beside
        for beside in sorted((folder / "evidence").iterdir())
        if beside.is_file() and not beside.is_symlink()
    ]
    for path in copied:
        shutil.copyfile(path, kept / "evidence" / path.name)
    whole = kept / ".SKILL.md"
    whole.write_bytes(page)
    whole.replace(kept / "SKILL.md")
    return copied


_VERSION = re.compile(r'^(  version: ")[0-9]+(")$', re.M)
_AS_WRITTEN = "evidence/page.sha256"
"""Beside a page: the digest of what was written, so that nobody's later words are overwritten."""
_HISTORY = re.compile(r"^## History\n+((?:- .*\n?)*)", re.M)
_OF_OTHERS = re.compile(
    r"^## (?:Superseded|Failed Attempts, from [^\n]*)\n.*?(?=^## |\Z)", re.M | re.S
)
"""Sections that saving or merging another page wrote."""
_LINKS = ("supersedes", "superseded-by", "differs-from")
_LINK = re.compile(rf"\s+({'|'.join(_LINKS)}):")


def _carried(old: str, page: str) -> str:
    """The new page with what other pages' saving wrote on the old one: its links to them."""
    before, now_said = read(old).metadata, read(page).metadata
    for key in _LINKS:
        if key in before and key not in now_said:
            page = with_metadata(page, key, before[key])
    for section in _OF_OTHERS.finditer(old):
        if section[0].rstrip() not in page:
            page = f"{page.rstrip()}\n\n{section[0].rstrip()}\n"
    return page


def _history(page: str) -> list[str]:
    found = _HISTORY.search(page)
    return found[1].splitlines() if found else []


def _versioned(page: str, version: int, history: Sequence[str]) -> str:
    """The page with its version number, and these lines of History in place of its own."""
    head, end, body = page.partition("\n---\n")
    page = _VERSION.sub(rf"\g<1>{version}\g<2>", head, count=1) + end + body
    found = _HISTORY.search(page)
    if not found or not history:
        return page
    rest = page[found.end(1) :]
    return page[: found.start(1)] + "\n".join(history) + "\n" + rest
