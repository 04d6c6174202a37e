import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from techspec.skill import encoding, index, listing, meaning, search, store
from techspec.skill.encoding import bytes_of_vector
from techspec.skill.glossary import english
from techspec.skill.index import ask, build
from techspec.skill.meaning import Meanings, learn
from techspec.skill.registry import Registry
from techspec.skill.search import Counts, Document, Index

SUBJECTS = (
    "sailing boat harbour mast anchor tide",
    "oven bread flour dough yeast crust",
    "violin bow string concert sonata tuning",
)


@pytest.fixture(autouse=True)
def as_many_dimensions_as_subjects(monkeypatch):
    """With more, sixty short texts would be remembered word by word."""
    for module in (meaning, search, encoding):
        monkeypatch.setattr(module, "DIMENSIONS", len(SUBJECTS))


def learned(texts):
    """What is learned from texts, and each text's direction."""
    terms = sorted({term for text in texts for term in text.split()})
    entries = [(terms.index(t), page) for page, text in enumerate(texts) for t in text.split()]
    columns, pages = np.array(entries).T
    return learn(terms, columns, pages, np.ones(len(entries), np.float32), len(texts), 1.0)


def texts():
    """Of each subject 20 texts, each with half of its words."""
    words = [subject.split() for subject in SUBJECTS]
    return [" ".join(of[(n + k) % 6] for k in range(3)) for of in words for n in range(20)]


def test_a_page_is_near_words_of_its_subject_that_it_does_not_have():
    meanings, directions = learned(texts())
    first = texts()[0].split()
    other = [word for word in SUBJECTS[0].split() if word not in first]

    near = directions @ meanings.of_question(other)

    assert near[0] > 0.9
    assert abs(near[20:]).max() < 0.1


def test_a_later_page_is_placed_as_one_that_was_learned_from():
    meanings, directions = learned(texts())

    placed = meanings.of_page(dict.fromkeys(texts()[7].split(), 1.0))

    assert placed == pytest.approx(directions[7], abs=1e-3)


def test_the_same_pages_teach_the_same():
    (first, _), (second, _) = learned(texts()), learned(texts())

    assert first.rows == second.rows
    assert first.vectors.tobytes() == second.vectors.tobytes()


def test_unknown_words_have_no_direction():
    meanings = Meanings({"oven": 0}, np.ones((1, len(SUBJECTS)), np.float16))

    assert not meanings.of_question(["quantum"]).any()
    assert not meanings.of_page({"quantum": 2.0}).any()


def test_of_pages_with_the_same_words_that_which_is_near_in_meaning_comes_first():
    meanings, _ = learned(texts())
    documents = [
        Document("a", {"description": "notes on bread", "prose": "violin sonata concert"}),
        Document("b", {"description": "notes on bread", "prose": "oven yeast dough"}),
    ]

    def first(meanings):
        return Index(documents, meanings=meanings).search("bread crust").hits[0].key

    assert (first(None), first(meanings)) == ("a", "b")


def test_what_has_no_word_of_the_question_is_no_hit_however_near():
    meanings, _ = learned(texts())
    beside = Index([Document("a", {"prose": "oven yeast dough"})], meanings=meanings)

    assert beside.search("bread crust").hits == ()


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A registry of 60 pages, enough here to learn from."""
    monkeypatch.setenv("TECHSPEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "PAGES_MIN", 60)
    monkeypatch.setattr(index, "_open", {})
    monkeypatch.setattr(listing, "_listings", {})
    monkeypatch.setattr(listing, "_known", {})
    for number, text in enumerate(texts()):
        write(tmp_path / "registry", number, text)
    return Registry([tmp_path / "registry"])


def write(root, number, text):
    page = root / f"page-{number}" / "SKILL.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"---\nname: page-{number}\ndescription: notes\n---\n{text}\n")
    os.utime(page, (1e9, 1e9))


def nearest(registry, goal):
    found = ask(registry, lambda library: library.index().search(f"notes {goal}").hits)
    return Path(found[0].key).parent.name


def test_a_large_registry_has_another_process_learn(registry):
    ask(registry, lambda library: None)
    (cache,) = index._open.values()

    assert cache._builder.wait(60) == 0


def test_an_index_of_another_version_is_made_anew_and_learned_from(registry, monkeypatch):
    build(registry)
    monkeypatch.setattr(store, "_made_by", lambda: "a newer version")
    monkeypatch.setattr(index, "_open", {})

    build(registry)

    assert len(ask(registry, lambda library: library.index()._vectors)) == 60


def test_a_page_that_changes_after_learning_moves_to_its_new_meaning(registry):
    build(registry)
    assert ask(registry, lambda library: library.index()._vectors).shape == (60, 3)

    write(registry.folders[0], 0, "violin concert unheard")
    placed = ask(registry, lambda library: library.index()._vectors)
    meanings = ask(registry, lambda library: library._cache.meanings)

    assert len(placed) == 60
    assert max(placed @ meanings.of_question(["sonata"])) > 0.9
    assert nearest(registry, "unheard") == "page-0"


def test_nothing_is_learned_twice_until_a_registry_has_grown(registry, monkeypatch):
    taught = []
    monkeypatch.setattr(store, "learn", lambda *given: taught.append(1) or learn(*given))
    build(registry)
    build(registry)
    assert len(taught) == 1

    for number in range(60, 90):
        write(registry.folders[0], number, texts()[number - 60])
    build(registry)

    assert len(taught) == 2


def test_learning_that_is_interrupted_leaves_what_was_learned_before(registry, monkeypatch):
    monkeypatch.setattr(store, "_SETTLED_SECONDS", 0.0)  # so that no page is read twice
    build(registry)
    before = ask(registry, lambda library: library._cache.meanings.vectors.tobytes())
    for number in range(60, 90):
        write(registry.folders[0], number, texts()[number - 60])
    written = iter(range(3))

    def interrupted(vector):
        if next(written, None) is None:
            raise InterruptedError
        return bytes_of_vector(vector)

    ask(registry, lambda library: None)  # the new pages, by what was learned
    with monkeypatch.context() as patched:
        patched.setattr(store, "bytes_of_vector", interrupted)
        with pytest.raises(InterruptedError):
            build(registry)
    monkeypatch.setattr(index, "_open", {})

    assert ask(registry, lambda library: library._cache.meanings.vectors.tobytes()) == before


def test_pages_that_change_while_we_learn_are_learned_from_too(registry, monkeypatch):
    taught = []

    def interrupted(*given):
        taught.append(given)
        if len(taught) == 1:
            write(registry.folders[0], 99, "bread anew")
            done = subprocess.run(
                [sys.executable, "-c", ANOTHER, str(registry.folders[0])], check=False
            )
            assert done.returncode == 0
        return learn(*given)

    monkeypatch.setattr(store, "learn", interrupted)
    build(registry)

    assert [given[4] for given in taught] == [60, 61]
    assert len(ask(registry, lambda library: library.index()._vectors)) == 61


ANOTHER = """
import sys
from pathlib import Path
from techspec.skill.index import ask
from techspec.skill.registry import Registry
ask(Registry([Path(sys.argv[1])]), lambda library: None)
"""


def test_technical_words_of_another_script_are_searched_in_english_too():
    documents = [
        Document("loss", {"description": "Which loss function to take"}),
        Document("reward", {"description": "Reward shaping in reinforcement learning"}),
    ]

    def first(goal):
        return Index(documents).search(goal).hits[0].key

    assert first("強化学習の報酬を決めたい") == "reward"
    assert first("强化学习的奖励怎么设计") == "reward"
    assert first("손실함수 고르기") == "loss"


def test_english_is_left_alone():
    assert english("reward of the policy") == ""


def test_counted_documents_without_meanings_have_no_direction():
    assert Counts().vectors is None
