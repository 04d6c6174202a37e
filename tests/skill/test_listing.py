import mmap
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from techspec.skill import listing
from techspec.skill.watch import CannotWatch, Watch

needs_watches = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells of changes"
)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A registry of three pages that this process has looked at often enough to watch it."""
    monkeypatch.setattr(listing, "_known", {})
    root = tmp_path / "registry"
    for name in ("rope", "lora", "docker"):
        write(root / name / "SKILL.md", name)
    (tmp_path / "elsewhere").write_text("linked")
    (root / "link").mkdir()
    (root / "link" / "SKILL.md").symlink_to(tmp_path / "elsewhere")
    (root / "two-names").mkdir()
    os.link(tmp_path / "elsewhere", root / "two-names" / "SKILL.md")
    watched(root)
    yield root
    for known in listing._known.values():
        if known.watched:
            known.watched.close()


def write(page, text):
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text)


def seen(root):
    return dict(listing.look((str(root),)))


def anew(root):
    return dict(listing._look((str(root),)).seen)


def watched(root):
    for _ in range(listing._WATCHED_FROM):
        seen(root)


def in_place(root):
    page = root / "rope" / "SKILL.md"
    before = page.stat()
    page.write_text("eulb")
    os.utime(page, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(root):
    other = root / "rope" / "new"
    other.write_text("other")
    other.rename(root / "rope" / "SKILL.md")


def made_anew(root):
    shutil.rmtree(root / "rope")
    write(root / "rope" / "SKILL.md", "again")
    seen(root)
    write(root / "rope" / "SKILL.md", "again and again")


def moved_away_with_all_below(root):
    write(root / "plugin" / "skills" / "deep" / "SKILL.md", "deep")
    seen(root)
    (root / "plugin").rename(root / "gone")
    write(root / "plugin" / "skills" / "deep" / "SKILL.md", "another")
    seen(root)
    write(root / "plugin" / "skills" / "deep" / "SKILL.md", "and another")


def by_another_name(root):
    other = root.parent / "another name"
    os.link(root / "rope" / "SKILL.md", other)
    seen(root)
    other.write_text("written where nobody watches")


def by_who_still_has_it_open(root):
    with (root.parent / "draft").open("w") as draft:
        os.link(root.parent / "draft", root / "draft.md")
        seen(root)
        (root.parent / "draft").unlink()
        seen(root)
        draft.write("more")


def through_memory(root):
    with (root / "rope" / "SKILL.md").open("r+b") as page:
        memory = mmap.mmap(page.fileno(), 0)
    memory[:] = b"EPOR"
    memory.close()


def another_root(root):
    root.rename(root.with_name("old"))
    write(root / "rope" / "SKILL.md", "of another registry")


CHANGES = {
    "written in place, its size and date as before": in_place,
    "replaced": replaced,
    "deleted": lambda root: (root / "rope" / "SKILL.md").unlink(),
    "a new page": lambda root: write(root / "new" / "SKILL.md", "new"),
    "a new page in a folder in a folder": lambda root: write(root / "a" / "b" / "c.md", "new"),
    "a page in a skill's own folder": lambda root: write(root / "rope" / "sub" / "SKILL.md", "x"),
    "renamed": lambda root: (root / "rope").rename(root / "theta"),
    "by another name of it": by_another_name,
    "by who has it open under a name that is gone": by_who_still_has_it_open,
    "through memory": through_memory,
    "its rights": lambda root: (root / "rope" / "SKILL.md").chmod(0o600),
    "what a link points to": lambda root: (root.parent / "elsewhere").write_text("changed"),
    "the folder made anew": made_anew,
    "a folder moved, another in its place": moved_away_with_all_below,
    "another registry in its place": another_root,
    "no registry any more": lambda root: root.rename(root.with_name("old")),
}


@needs_watches
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_next_look_at_a_watched_registry_sees_every_change(root, change):
    before = seen(root)

    change(root)

    assert seen(root) == anew(root) != before


@needs_watches
def test_where_a_link_to_a_registry_leads_elsewhere_that_is_watched(root):
    other = root.with_name("other")
    write(other / "rope" / "SKILL.md", "other")
    link = root.with_name("current")
    link.symlink_to(root)
    watched(link)
    link.unlink()
    link.symlink_to(other)
    assert seen(link) == anew(link)

    write(other / "rope" / "SKILL.md", "other and changed")

    assert seen(link) == anew(link)


@needs_watches
def test_a_registry_in_the_place_of_one_that_was_moved_with_the_folder_above_is_watched(root):
    deep = root / "plugin" / "skills"
    write(deep / "rope" / "SKILL.md", "first")
    watched(deep)
    deep.parent.rename(root / "old")
    write(deep / "rope" / "SKILL.md", "second")
    assert seen(deep) == anew(deep)

    write(deep / "rope" / "SKILL.md", "and third")

    assert seen(deep) == anew(deep)


@needs_watches
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_what_is_mounted_over_a_folder_is_seen_and_what_it_hid_once_it_is_gone(root):
    before = seen(root)
    mount = ["mount", "-t", "tmpfs", "none", str(root / "rope")]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        assert seen(root) == anew(root) != before
    finally:
        subprocess.run(["umount", str(root / "rope")], check=True)

    assert seen(root) == anew(root) == before


@needs_watches
def test_a_look_that_was_refused_for_want_of_descriptors_is_not_relied_on(root):
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = seen(root)
    write(root / "new" / "SKILL.md", "new")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, most))
    try:
        seen(root)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))

    assert seen(root) == anew(root)
    assert len(seen(root)) == len(before) + 1


@needs_watches
def test_a_change_that_a_forked_process_saw_first_is_seen(root):
    before = seen(root)
    write(root / "new" / "SKILL.md", "new")

    child = os.fork()
    if not child:
        os._exit(0 if seen(root) == anew(root) != before else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert seen(root) == anew(root) != before


@needs_watches
def test_what_was_moved_out_of_a_registry_is_watched_no_more(root):
    def watches():
        descriptor = listing._known[(str(root),)].watched._watch._descriptor
        return Path(f"/proc/self/fdinfo/{descriptor}").read_text().count("inotify wd")

    before = watches()
    for name in ("rope", "lora"):
        (root / name).rename(root.parent / name)
        seen(root)

    assert watches() == before - 4


@needs_watches
def test_who_is_interrupted_once_a_change_was_told_sees_it_next_time(root, monkeypatch):
    before = seen(root)
    write(root / "new" / "SKILL.md", "new")
    told = Watch.written

    def interrupted(watch):
        told(watch)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Watch, "written", interrupted)
        with pytest.raises(KeyboardInterrupt):
            seen(root)

    assert seen(root) == anew(root) != before


@needs_watches
def test_a_watched_registry_is_not_looked_through_while_nothing_changes(root, monkeypatch):
    before = seen(root)

    def fail(*_):
        raise AssertionError("it was looked through")

    monkeypatch.setattr(listing, "_look", fail)

    assert seen(root) == before
    (root / "rope" / "SKILL.md").read_text()
    assert seen(root) == before


@needs_watches
def test_of_a_watched_registry_only_the_pages_that_were_written_are_looked_at(root, monkeypatch):
    os.link(root / "lora" / "SKILL.md", root / "adapters.md")
    before = seen(root)

    def fail(*_):
        raise AssertionError("it was looked through")

    with monkeypatch.context() as patch:
        patch.setattr(listing, "_look", fail)
        in_place(root)
        write(root / "adapters.md", "written by one of its names")
        after = seen(root)

    assert after == anew(root)
    changed = {path for number, path in after if after[number, path] != before[number, path]}
    assert changed == {"rope/SKILL.md", "lora/SKILL.md", "adapters.md"}


@needs_watches
def test_a_registry_that_is_not_there_yet_is_found_once_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "_known", {})
    watched(tmp_path / "later")
    assert seen(tmp_path / "later") == {}

    write(tmp_path / "later" / "rope" / "SKILL.md", "theta")

    assert [path for _, path in seen(tmp_path / "later")] == ["rope/SKILL.md"]


@needs_watches
def test_without_news_for_long_it_is_looked_through_all_the_same(root, monkeypatch):
    looks = []
    whole = listing._look
    monkeypatch.setattr(listing, "_look", lambda *at: looks.append(at) or whole(*at))
    monkeypatch.setattr(listing, "_TRUSTED_SECONDS", 0.0)
    write(root / "new" / "SKILL.md", "told")
    seen(root)
    looks.clear()

    seen(root)

    assert looks


@pytest.mark.parametrize("when", ["at once", "at a new folder"])
def test_where_nothing_can_be_watched_every_change_is_seen_all_the_same(root, monkeypatch, when):
    def refuse(*_):
        raise CannotWatch(28, "no watch is left")

    monkeypatch.setattr(listing, "_known", {} if when == "at once" else listing._known)
    monkeypatch.setattr(Watch, "__init__" if when == "at once" else "only", refuse)
    watched(root)
    before = seen(root)

    write(root / "new" / "SKILL.md", "new")
    assert seen(root) == anew(root) != before
    in_place(root)
    assert seen(root) == anew(root)


def test_no_more_registries_are_remembered_than_a_few(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "_known", {})
    roots = [tmp_path / str(number) for number in range(listing._KNOWN_MAX + 2)]
    for root in roots:
        write(root / "rope" / "SKILL.md", "theta")
        watched(root)

    assert len(listing._known) == listing._KNOWN_MAX
    assert seen(roots[0]) == anew(roots[0])


steps = st.lists(
    st.tuples(
        st.sampled_from(["write", "unlink", "rmtree", "rename", "look"]),
        st.sampled_from(["a", "b", "a/b", "a/b/c"]),
        st.sampled_from(["b", "d", "a/d"]),
    ),
    max_size=12,
)


@needs_watches
@given(steps)
@settings(max_examples=60, deadline=None)
def test_after_any_changes_a_watched_registry_is_seen_as_it_is(steps):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(listing, "_known", {})
        root = Path(folder) / "registry"
        write(root / "a" / "SKILL.md", "first")
        watched(root)
        for number, (step, one, other) in enumerate(steps):
            if step == "write":
                write(root / one / "SKILL.md", str(number))
            elif step == "unlink":
                (root / one / "SKILL.md").unlink(missing_ok=True)
            elif step == "rmtree":
                shutil.rmtree(root / one, ignore_errors=True)
            elif step == "rename" and (root / one).exists() and not other.startswith(one):
                (root / other).parent.mkdir(parents=True, exist_ok=True)
                if not (root / other).exists():
                    (root / one).rename(root / other)
            elif step == "look":
                assert seen(root) == anew(root)

        assert seen(root) == anew(root)
        for known in listing._known.values():
            if known.watched:
                known.watched.close()
