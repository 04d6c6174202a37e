import contextlib
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from techspec.skill import heads, index, listing, page, store
from techspec.skill.index import Library, ask, find
from techspec.skill.registry import Registry
from techspec.skill.search import Document, Index, attempt_document, document
from techspec.skill.tried import tried

PAGE = "---\nname: {0}\ndescription: All about {1}\n---\n## Failed Attempts\n- {1} twice: burnt\n"
WORDS = ["theta", "rope", "LoRA", "cache", "warmup", "강화학습", "the", "12"]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A registry of three pages whose index is kept in a file."""
    monkeypatch.setenv("TECHSPEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "SMALL", 0)
    monkeypatch.setattr(index, "_unusable", set())
    another_process(monkeypatch)
    root = tmp_path / "registry"
    for name, about in (("rope", "theta"), ("lora", "adapters"), ("docker", "layers")):
        write(root, name, about)
    return root


def another_process(monkeypatch):
    """What is held in memory is gone, as in a process that was just started."""
    monkeypatch.setattr(index, "_open", {})
    monkeypatch.setattr(listing, "_listings", {})
    monkeypatch.setattr(listing, "_known", {})


def write(root, name, about):
    (root / name).mkdir(parents=True, exist_ok=True)
    (root / name / "SKILL.md").write_text(PAGE.format(name, about))


def found(root, goal):
    hits = ask(Registry([root]), lambda library: library.index().search(goal).hits)
    return [Path(hit.key).parent.name for hit in hits]


def the_file(root):
    (file,) = (root.parent / "cache").glob("*.sqlite")
    return file


def read_nothing(monkeypatch):
    def fail(*_):
        raise AssertionError("a page was read")

    for module in (index, store):
        monkeypatch.setattr(module, "read_inside", fail)


def as_read(registry):
    return [replace(skill, sections=()) for skill in registry.skills()]


def answers(found):
    return [(hit.key, hit.score, hit.confidence, hit.terms) for hit in found.hits]


def test_an_unchanged_registry_is_answered_without_reading_a_page(root, monkeypatch):
    # Pages written this very moment are read once more, so these are made to be older.
    monkeypatch.setattr(store, "_SETTLED_SECONDS", 0.0)
    assert found(root, "theta") == ["rope"]
    another_process(monkeypatch)
    read_nothing(monkeypatch)

    pages = ask(Registry([root]), Library.pages)
    row, *_ = tried("theta twice", Registry([root]))

    assert found(root, "theta") == ["rope"]
    assert [page.name for page in pages] == ["docker", "lora", "rope"]
    assert (row.attempt.attempt, row.skill.path) == ("theta twice", root / "rope" / "SKILL.md")


def test_the_index_gives_back_whole_pages_and_their_excerpts_in_the_order_of_the_page(root):
    (root / "rope" / "SKILL.md").write_text(
        PAGE.format("rope", "theta") + "- N/A\n## Steps\n- first\n- **Result**: 95 %\n- last\n"
        "```python\na = 1\n```\n```yaml\nb: 2\n```\n```\nnever closed\n"
    )
    registry = Registry([root])

    pages = as_read(registry)
    found = ask(registry, lambda library: [library.excerpt(str(p.path)) for p in pages])

    assert ask(registry, Library.pages) == pages
    assert found == [page.excerpt(each) for each in pages]
    assert [row.text for row in found[-1].rows] == ["**Result**: 95 %"]


def test_a_page_that_was_changed_added_renamed_or_deleted_is_found_as_it_is_now(root):
    assert found(root, "theta") == ["rope"]

    write(root, "rope", "sigma")
    assert (found(root, "theta"), found(root, "sigma")) == ([], ["rope"])

    write(root, "new", "theta")
    assert found(root, "theta") == ["new"]

    (root / "new").rename(root / "newer")
    assert found(root, "theta") == ["newer"]

    (root / "newer" / "SKILL.md").unlink()
    assert found(root, "theta") == []


def test_a_change_that_leaves_size_and_date_as_they_were_is_seen(root):
    page = root / "rope" / "SKILL.md"
    before = page.stat()
    assert found(root, "theta") == ["rope"]

    page.write_text(page.read_text().replace("theta", "sigma"))
    os.utime(page, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert (found(root, "theta"), found(root, "sigma")) == ([], ["rope"])


def test_a_page_new_in_a_folder_that_was_listed_long_ago_is_found(root, monkeypatch):
    monkeypatch.setattr(listing, "_LISTING_SETTLED_SECONDS", 0.0)
    assert found(root, "theta") == ["rope"]
    assert str(root / "rope") + os.sep in listing._listings

    (root / "rope" / "SKILL.md").unlink()
    write(root, "new", "theta")

    assert found(root, "theta") == ["new"]


def test_a_page_new_in_a_folder_whose_date_was_set_back_is_found(root, monkeypatch):
    monkeypatch.setattr(listing, "_LISTING_SETTLED_SECONDS", 0.0)
    os.utime(root, (1e9, 1e9))
    assert found(root, "theta") == ["rope"]

    write(root, "new", "theta")
    os.utime(root, (1e9, 1e9))

    assert sorted(found(root, "theta")) == ["new", "rope"]


def test_pages_of_a_folder_moved_into_the_place_of_one_with_the_same_date_are_found(
    root, monkeypatch
):
    monkeypatch.setattr(listing, "_LISTING_SETTLED_SECONDS", 0.0)
    for version, name in (("pack", "old"), (".next", "new")):
        write(root / version / "skills", name, "sigma")
        os.utime(root / version / "skills", (1e9, 1e9))
    assert found(root, "sigma") == ["old"]

    (root / "pack").rename(root / ".last")
    (root / ".next").rename(root / "pack")

    assert found(root, "sigma") == ["new"]


def test_a_link_to_a_folder_that_becomes_a_file_becomes_a_page(root, monkeypatch):
    monkeypatch.setattr(listing, "_LISTING_SETTLED_SECONDS", 0.0)
    (root.parent / "target").mkdir()
    (root / "link.md").symlink_to(root.parent / "target")
    for _ in range(listing._WATCHED_FROM + 1):
        assert ask(Registry([root]), Library.pages) == as_read(Registry([root]))

    (root.parent / "target").rmdir()
    (root.parent / "target").write_text("# Title")

    assert ask(Registry([root]), Library.pages) == as_read(Registry([root]))


def test_a_registry_behind_a_link_and_two_dots_is_that_which_the_system_finds(root):
    (root.parent / "far").mkdir()
    (root.parent / "far" / "link").symlink_to(root)
    registry = Registry([root.parent / "far" / "link" / ".." / "registry"])

    assert len(ask(registry, Library.pages)) == 3
    assert ask(registry, Library.pages) == as_read(registry)


def test_from_a_working_folder_that_is_gone_a_registry_is_empty_and_another_answers(
    root, monkeypatch
):
    here = root.parent / "here"
    write(here / "registry", "new", "theta")
    monkeypatch.chdir(here)
    both = Registry([Path("registry"), root])
    assert len(ask(both, Library.pages)) == 4

    shutil.rmtree(here)

    assert [page.name for page in ask(both, Library.pages)] == ["docker", "lora", "rope"]


def test_a_page_changed_in_a_registry_that_was_quiet_for_long_is_seen(root, monkeypatch):
    monkeypatch.setattr(listing, "_LISTING_SETTLED_SECONDS", 0.0)
    assert found(root, "theta") == ["rope"]
    assert listing._known[(str(root),)].last.holds()

    write(root, "rope", "sigma")
    assert (found(root, "theta"), found(root, "sigma")) == ([], ["rope"])

    (root / "lora" / "SKILL.md").unlink()
    assert found(root, "adapters") == []


def test_a_page_that_can_no_longer_be_read_is_listed_with_its_problem(root):
    page = root / "rope" / "SKILL.md"
    assert found(root, "theta") == ["rope"]
    page.unlink()
    page.symlink_to(root / "nowhere.md")

    pages = ask(Registry([root]), Library.pages)

    assert found(root, "theta") == []
    assert pages == as_read(Registry([root]))
    assert [problem.what for problem in pages[-1].problems] != []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_page_that_may_no_longer_be_read_is_not_answered_from(root):
    assert found(root, "theta") == ["rope"]

    (root / "rope" / "SKILL.md").chmod(0)

    assert found(root, "theta") == []


@pytest.mark.parametrize("damage", ["emptied", "overwritten", "cut", "other version", "no tables"])
def test_a_damaged_index_is_made_again(root, monkeypatch, damage):
    assert found(root, "theta") == ["rope"]
    file = the_file(root)
    for opened in index._open.values():
        opened.close()
    another_process(monkeypatch)
    if damage == "emptied":
        file.write_bytes(b"")
    elif damage == "overwritten":
        file.write_bytes(b"\0no database" * 1000)
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    else:
        change = (
            "UPDATE state SET made_by = ''" if damage == "other version" else "DROP TABLE pages"
        )
        with sqlite3.connect(file) as db:
            db.execute(change)
        db.close()

    assert found(root, "theta") == ["rope"]
    assert the_file(root).read_bytes()[:15] == b"SQLite format 3"


@pytest.mark.parametrize("column", ["excerpt", "beside"])
@pytest.mark.parametrize("body", [b"", b"no zlib", None, "text"])
def test_a_damaged_page_in_the_index_is_read_again(root, monkeypatch, body, column):
    monkeypatch.setattr(store, "_SETTLED_SECONDS", 0.0)
    assert found(root, "theta") == ["rope"]
    another_process(monkeypatch)
    with sqlite3.connect(the_file(root)) as db:
        db.execute(f"UPDATE bodies SET {column} = ?", [body])
    db.close()

    assert ask(Registry([root]), Library.pages) == as_read(Registry([root]))


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE pages SET path = NULL",
        "UPDATE pages SET root = 7",
        "UPDATE pages SET mtime = 'text', size = NULL",
        "UPDATE attempts SET page = -2",
        "UPDATE attempts SET lengths = NULL",
        "PRAGMA writable_schema = 1;"
        " UPDATE sqlite_master SET sql = CAST(X'43524541544520FF' AS TEXT) WHERE name = 'pages'",
    ],
)
def test_an_index_with_damaged_rows_is_made_again(root, monkeypatch, damage):
    monkeypatch.setattr(store, "_SETTLED_SECONDS", 0.0)
    assert found(root, "theta") == ["rope"]
    for opened in index._open.values():
        opened.close()
    another_process(monkeypatch)
    with sqlite3.connect(the_file(root)) as db:
        db.executescript(damage)
    db.close()

    row, *_ = tried("theta twice", Registry([root]))

    assert row.skill.path == root / "rope" / "SKILL.md"
    assert not index._unusable


def test_no_kind_of_file_stops_a_question(root):
    (root / "loop.md").symlink_to("loop.md")
    os.mkfifo(root / "pipe.md")
    (root / "far.md").write_text("# Title\nText\n")
    os.utime(root / "far.md", (1e10, 1e10))
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.md")).write_text("# Title\nText\n")
    registry = Registry([root])

    assert ask(registry, Library.pages) == as_read(registry)
    assert len(ask(registry, Library.pages)) == 7
    assert found(root, "theta") == ["rope"]


def test_a_page_whose_path_is_too_long_is_listed_with_its_problem(root, monkeypatch):
    monkeypatch.chdir(root)
    here = len(os.fspath(root))
    while here < 3800:
        os.mkdir("n" * 200)  # noqa: PTH102
        os.chdir("n" * 200)
        here += 201
    os.mkdir("k" * (4090 - here - 1))  # noqa: PTH102
    os.chdir("k" * (4090 - here - 1))
    Path("SKILL.md").write_text("# Title\n")
    os.chdir(root)

    assert len(ask(Registry([root]), Library.pages)) == 4
    monkeypatch.undo()
    subprocess.run(["rm", "-rf", str(root)], check=True)


def test_a_page_for_which_no_descriptor_was_left_is_read_the_next_time(root, monkeypatch):
    monkeypatch.setattr(store, "_SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(listing, "_LISTING_SETTLED_SECONDS", 0.0)
    assert found(root, "theta") == ["rope"]
    write(root, "rope", "sigma")
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, most))
    try:
        found(root, "sigma")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))

    assert found(root, "sigma") == ["rope"]


def test_where_times_are_whole_seconds_a_page_written_twice_in_one_is_read_again(root, monkeypatch):
    def coarse(roots):
        whole = 10**9
        seen = look(roots).items()
        return {
            at: listing.Stamp(m // whole * whole, n, c // whole * whole) for at, (m, n, c) in seen
        }

    look = listing.look
    for module in (index, listing):
        monkeypatch.setattr(module, "look", coarse)
    page = root / "rope" / "SKILL.md"
    os.utime(page, (1e9, 1e9))
    monkeypatch.setattr(store, "_SETTLED_SECONDS", 0.0)
    assert found(root, "theta") == ["rope"]

    write(root, "rope", "sigma")
    os.utime(page, (1e9, 1e9))

    assert found(root, "sigma") == ["rope"]


def test_a_link_out_of_a_registry_is_not_read_while_its_descriptions_answer(root, monkeypatch):
    monkeypatch.setattr(index, "HEADS_FROM", 1)
    (root.parent / "secret").write_text("---\nname: secret\ndescription: quantum\n---\n")
    (root / "link.md").symlink_to(root.parent / "secret")

    def answered(library):
        return library.index().search("quantum").hits, [name for _, name in library._cache.names()]

    hits, names = ask(Registry([root]), answered, at_once=True)

    assert (hits, sorted(names)) == ((), ["docker", "link", "lora", "rope"])
    (cache,) = index._open.values()
    assert cache._builder.wait(60) == 0


def test_a_process_forked_while_another_thread_asks_answers(root):
    assert found(root, "theta") == ["rope"]
    asked, forked = threading.Event(), threading.Event()

    def slow(library):
        asked.set()
        forked.wait(60)

    thread = threading.Thread(target=lambda: ask(Registry([root]), slow))
    thread.start()
    asked.wait(60)
    child = os.fork()
    if not child:
        signal.alarm(20)
        os._exit(0 if found(root, "theta") == ["rope"] else 1)
    forked.set()
    thread.join()

    assert os.waitpid(child, 0)[1] == 0
    write(root, "rope", "sigma")
    assert found(root, "sigma") == ["rope"]


def test_an_index_deleted_under_an_open_process_is_made_again(root):
    assert found(root, "theta") == ["rope"]
    the_file(root).unlink()

    assert found(root, "theta") == ["rope"]
    assert the_file(root).is_file()


def test_without_a_cache_folder_that_can_be_written_memory_serves(root, monkeypatch):
    not_a_folder = root.parent / "file"
    not_a_folder.write_text("")
    monkeypatch.setenv("TECHSPEC_CACHE", str(not_a_folder / "cache"))

    assert found(root, "theta") == ["rope"]
    write(root, "lora", "theta")
    assert sorted(found(root, "theta")) == ["lora", "rope"]


def test_a_small_registry_leaves_no_file_and_no_registry_is_written_to(root, monkeypatch):
    before = sorted(root.rglob("*"))
    assert found(root, "theta") == ["rope"]
    assert sorted(root.rglob("*")) == before

    monkeypatch.setenv("TECHSPEC_CACHE", str(root.parent / "other"))
    monkeypatch.setattr(index, "SMALL", 3)

    assert found(root, "theta") == ["rope"]
    assert not (root.parent / "other").exists()


def test_while_another_process_refreshes_the_old_pages_answer(root, monkeypatch):
    monkeypatch.setattr(store, "_WAIT_SECONDS", 0.01)
    assert found(root, "theta") == ["rope"]
    other = sqlite3.connect(the_file(root), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    write(root, "lora", "theta")

    assert found(root, "theta") == ["rope"]
    other.execute("ROLLBACK")
    other.close()
    assert sorted(found(root, "theta")) == ["lora", "rope"]


def test_an_index_that_another_process_held_for_too_long_is_used_the_next_time(root, monkeypatch):
    monkeypatch.setattr(store, "_WAIT_FIRST_SECONDS", 0.01)
    index._used(Registry([root]), lambda *_: None)  # the file with its tables, and no page yet
    with contextlib.closing(sqlite3.connect(the_file(root), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        assert found(root, "theta") == ["rope"]  # from memory
        other.execute("ROLLBACK")
    assert found(root, "theta") == ["rope"]

    with contextlib.closing(sqlite3.connect(the_file(root))) as db:
        assert db.execute("SELECT count(*) FROM pages").fetchone() == (3,)


def test_code_in_the_working_folder_is_not_run_by_the_process_that_builds(root, monkeypatch):
    monkeypatch.setattr(index, "HEADS_FROM", 1)
    (root.parent / "yaml.py").write_text("open('was_run', 'w').close(); raise ImportError\n")
    monkeypatch.chdir(root.parent)
    monkeypatch.syspath_prepend("")

    ask(Registry([root]), Library.pages, at_once=True)

    (cache,) = index._open.values()
    assert cache._builder.wait(60) == 0
    assert not (root.parent / "was_run").exists()


def test_processes_that_start_at_once_build_one_index_and_agree(root):
    asking = (
        "import sys, pathlib\n"
        "from techspec.skill import index\n"
        "from techspec.skill.registry import Registry\n"
        "index.SMALL = 0\n"
        "root = pathlib.Path(sys.argv[1])\n"
        "for n in range(5):\n"
        "    page = root / f'{sys.argv[2]}-{n}' / 'SKILL.md'\n"
        "    page.parent.mkdir()\n"
        "    page.write_text('---\\nname: x\\ndescription: theta\\n---\\n')\n"
        "    hits = index.ask(Registry([root]), lambda l: l.index().search('theta', (), 99).hits)\n"
        "    assert str(page) in [hit.key for hit in hits], (page, hits)\n"
        "assert not index._unusable\n"
    )

    running = [subprocess.Popen([sys.executable, "-c", asking, str(root), name]) for name in "abcd"]

    assert [process.wait(60) for process in running] == [0, 0, 0, 0]
    assert ask(Registry([root]), Library.pages) == as_read(Registry([root]))
    assert len(ask(Registry([root]), Library.pages)) == 3 + 20


def test_the_layouts_that_a_registry_reads_are_those_that_are_searched(root):
    for path in (
        "flat.md", "README.md", "deep/er/page.MD", "deep/.hidden/x.md", ".claude/skills/a/SKILL.md",
        "rope/evidence/runs.md", "rope/more/SKILL.md", "lora/notes.md", "x.md/inner.md", ".md",
    ):  # fmt: skip
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("# Title\nText\n")
    (root / "link.md").symlink_to(root / "flat.md")
    (root / "out.md").symlink_to(root.parent)
    (root / "away.md").symlink_to(__file__)
    (root / "folder").symlink_to(root / "deep")
    registry = Registry([root, root.parent / "missing"])

    assert ask(registry, Library.pages) == as_read(registry)


def test_a_page_below_two_folders_of_a_registry_is_one_page(root):
    pages = ask(Registry([root, root / "rope", root]), Library.pages)

    assert [page.name for page in pages] == ["docker", "lora", "rope"]


def test_what_is_gone_is_swept_out_of_the_index_at_last(root, monkeypatch):
    monkeypatch.setattr(store, "_SWEEP_FROM", 3)
    for n in range(20):
        write(root, "rope", f"word{n} theta")
        assert found(root, "theta") == ["rope"]

    with sqlite3.connect(the_file(root)) as db:
        stored = {term for (term,) in db.execute("SELECT term FROM pages_terms")}
    db.close()

    assert {"theta", "word19"} <= stored
    assert "word0" not in stored


@pytest.mark.parametrize("entries", ["X'01'", "X'0100000009'", "'text'", "7"])
def test_damaged_rows_met_by_a_sweep_make_the_index_anew(root, monkeypatch, entries):
    monkeypatch.setattr(store, "_SWEEP_FROM", 1)
    assert found(root, "theta") == ["rope"]
    with sqlite3.connect(the_file(root)) as db:
        db.execute(f"UPDATE pages_terms SET entries = {entries} WHERE term = 'adapter'")
    db.close()
    write(root, "rope", "theta and zeta")

    assert found(root, "zeta") == ["rope"]
    assert found(root, "adapters") == ["lora"]
    assert not index._unusable


def test_however_often_a_registry_changes_a_term_is_looked_for_in_few_parts(root, monkeypatch):
    monkeypatch.setattr(store, "_REFRESHES_A_PART", 1)
    monkeypatch.setattr(store, "_PARTS_MAX", 4)
    for n in range(20):
        write(root, f"page-{n}", f"word{n} theta")
        assert found(root, "theta")
        assert found(root, f"word{n}") == [f"page-{n}"]

        with sqlite3.connect(the_file(root)) as db:
            (parts,) = db.execute("SELECT max(part) FROM pages_terms").fetchone()
        db.close()
        assert parts <= 4
    assert all(found(root, f"word{n}") == [f"page-{n}"] for n in range(20))


def test_while_a_large_registry_is_first_read_its_descriptions_answer(root, monkeypatch):
    monkeypatch.setattr(index, "HEADS_FROM", 40)
    for n in range(45):  # more than the builder keeps in memory
        write(root, f"page-{n}", f"subject{n}")
    registry = Registry([root])
    asked = []

    def question(library):
        hits = [library.index().search(goal).hits for goal in ("subject7", "burnt")]
        asked.append([[Path(hit.key).parent.name for hit in found] for found in hits])
        return library.page(str(root / "page-7" / "SKILL.md")), library.pages()

    first = ask(registry, question, at_once=True)
    (cache,) = index._open.values()
    assert cache._builder.wait(60) == 0
    later = ask(registry, question, at_once=True)

    assert asked[0] == [["page-7"], []]
    assert asked[1][0] == ["page-7"]
    assert asked[1][1] != []
    assert first == later == (later[0], as_read(registry))


def test_while_descriptions_answer_a_question_reads_a_page_once_and_the_next_one_anew(
    root, monkeypatch
):
    monkeypatch.setattr(index, "HEADS_FROM", 1)
    monkeypatch.setattr(store.Cache, "is_being_built", lambda _: True)
    read = []
    monkeypatch.setattr(
        heads, "read_inside", lambda path, of: read.append(path) or page.read_file(path, of)
    )
    key = str(root / "rope" / "SKILL.md")

    def question(library):
        return library.excerpt(key), library.page(key)

    first = ask(Registry([root]), question, at_once=True)
    once = len(read)
    second = ask(Registry([root]), question, at_once=True)

    assert first == second
    assert (once, len(read)) == (1, 2)


def test_where_another_process_builds_the_index_none_is_started(root, monkeypatch):
    monkeypatch.setattr(index, "HEADS_FROM", 1)
    monkeypatch.setattr(sys, "executable", str(root / "nowhere"))
    roots = (str(root),)
    index._opened(index._file(roots), roots)
    other = sqlite3.connect(the_file(root), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    hits = ask(Registry([root]), lambda library: library.index().search("burnt").hits, at_once=True)

    assert hits == ()
    other.execute("ROLLBACK")
    other.close()


def test_without_a_process_to_build_it_a_first_index_is_built_here(root, monkeypatch):
    monkeypatch.setattr(index, "HEADS_FROM", 1)
    monkeypatch.setattr(sys, "executable", str(root / "nowhere"))

    hits = ask(Registry([root]), lambda library: library.index().search("burnt").hits, at_once=True)

    assert len(hits) == 3


TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.none() | TEXTS), min_size=1, max_size=12),
    TEXTS,
    TEXTS,
    st.sampled_from([1, 3, store._SWEEP_FROM]),
    st.sampled_from([2, 3, store._PARTS_MAX]),
)
def test_what_is_stored_ranks_as_what_is_in_memory_after_any_changes(
    changes, goal, beside, sweep_from, parts_max
):
    others = [Document("spec", {"name": "spec", "prose": beside})]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("TECHSPEC_CACHE", f"{folder}/cache")
        monkeypatch.setattr(index, "SMALL", 0)
        monkeypatch.setattr(store, "_SWEEP_FROM", sweep_from)
        monkeypatch.setattr(store, "_PARTS_MAX", parts_max)
        monkeypatch.setattr(store, "_REFRESHES_A_PART", 1)
        another_process(monkeypatch)
        registry = Registry([Path(folder) / "registry"])
        for number, about in changes:
            if about:
                write(registry.folders[0], f"page-{number}", about)
            else:
                (registry.folders[0] / f"page-{number}" / "SKILL.md").unlink(missing_ok=True)
            skills = registry.skills()
            documents = [document(skill, str(skill.path)) for skill in skills]
            rows = [
                attempt_document(skill, row, f"{row}:{skill.path}")
                for skill in skills
                for row in range(len(skill.attempts))
            ]

            stored, with_others, attempts = ask(
                registry,
                lambda library: (
                    library.index().search(goal),
                    library.index(others).search(goal),
                    library.attempts().search(goal),
                ),
            )

            assert answers(stored) == answers(Index(documents).search(goal))
            assert answers(with_others) == answers(Index([*others, *documents]).search(goal))
            assert answers(attempts) == answers(Index(rows).search(goal))
        for opened in index._open.values():
            opened.close()


def test_a_page_is_found_by_name_without_reading_the_others(root, monkeypatch):
    monkeypatch.setattr(store, "_SETTLED_SECONDS", 0.0)
    ask(Registry([root]), lambda library: None)
    read = []
    whole = index.read_inside
    for module in (index, store):
        monkeypatch.setattr(module, "read_inside", lambda *at: read.append(at) or whole(*at))

    page = find(Registry([root]), "lora")

    assert (page.name, page.sections[-1].title) == ("lora", "Failed Attempts")
    assert read == [(root / "lora" / "SKILL.md", root)]
