import pytest
from hypothesis import given
from hypothesis import strategies as st

from techspec.skill.page import read
from techspec.skill.search import LIMITS, Document, Index, Limits, document
from techspec.skill.tried import tried
from techspec.skill.words import of_word, stem, terms

DOCUMENTS = [
    Document("rope", {"name": "rope-theta", "description": "Choose RoPE theta for sequences"}),
    Document("lora", {"name": "lora", "description": "Fine-tune with LoRA", "prose": "theta once"}),
    Document("docker", {"name": "docker-cache", "failed": "COPY before install broke the cache"}),
    Document("korean", {"name": "reward", "description": "강화학습 보상 설계"}),
]


def found(goal, keywords=()):
    return [hit.key for hit in Index(DOCUMENTS).search(goal, keywords).hits]


def test_a_term_in_name_and_description_counts_more_than_one_in_prose():
    assert found("theta") == ["rope", "lora"]


def test_rows_of_failed_attempts_are_searched():
    assert found("install cache broke") == ["docker"]


def test_keywords_find_what_the_words_of_the_goal_do_not():
    assert found("긴 문장") == []
    assert found("긴 문장", ["RoPE"]) == ["rope"]


@given(st.text("abdegilnsuy07", min_size=1, max_size=9).filter(str.islower))
def test_a_word_in_small_letters_has_one_term_at_most_which_begins_as_it_does(word):
    assert {term[:2] for term in of_word(word)} <= {word[:2]}
    assert len(of_word(word)) <= 1


def test_korean_is_found_by_pairs_of_letters():
    assert found("강화학습의 보상을 바꾸고 싶다") == ["korean"]


def test_a_language_that_no_page_speaks_takes_no_confidence_from_the_words_that_are_known():
    known, *_ = Index(DOCUMENTS).search("RoPE theta").hits
    beside, *_ = Index(DOCUMENTS).search("긴 문장 RoPE theta").hits

    assert (beside.key, beside.confidence) == (known.key, known.confidence)


def test_words_that_stand_together_in_a_description_count_more_than_the_same_words_apart():
    apart = Document("apart", {"description": "batch jobs of any size and their norm"})
    together = Document("together", {"description": "batch norm and their jobs of any size"})

    hits = Index([apart, together]).search("batch norm").hits

    assert [hit.key for hit in hits] == ["together", "apart"]


def test_a_word_of_all_prose_tells_a_page_that_alone_has_it_in_its_description():
    prose = [*["config restart"] * 10, *["config"] * 90]
    shelf = [Document(str(n), {"description": "notes", "prose": p}) for n, p in enumerate(prose)]
    page = Document("page", {"description": "config", "prose": "config"})

    first, *_ = Index([page, *shelf]).search("restart config").hits

    assert first.key == "page"


def test_a_long_list_of_keywords_does_not_drown_the_goal():
    asked = Document("asked", {"description": "ship a web page as one file"})
    tools = Document("tools", {"description": "react tailwind vite parcel"})
    goal, keywords = "ship a page as one file", ["react", "tailwind", "vite", "parcel", "css"]

    alone = Index([asked, tools]).search("", keywords).hits
    hits = Index([asked, tools]).search(goal, keywords).hits

    assert alone[0].key == "tools"
    assert hits[0].key == "asked"


def test_a_question_that_nothing_answers_is_not_answered():
    result = Index(DOCUMENTS).search("bake sourdough bread with a long cold theta proof")

    assert result.strength == "none"


def test_hits_say_by_which_terms_and_how_surely():
    hit, *_ = Index(DOCUMENTS).search("the RoPE theta").hits

    assert set(hit.terms) == {"rop", "ro", "pe", "theta"}
    assert hit.strength == "strong"
    assert LIMITS.strong < hit.confidence < 1.0


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [(0.0, "none"), (0.29, "none"), (0.3, "possible"), (0.5, "strong")],
)
def test_a_hit_is_possible_or_strong_from_a_limit_on(confidence, expected):
    assert Limits(0.3, 0.5).strength(confidence) == expected


def test_a_request_in_words_that_the_registry_hardly_knows_asks_more_of_a_page():
    prose = "page " * 1_000
    shelf = [Document(str(n), {"description": "train a model", "prose": prose}) for n in range(300)]
    page = Document(
        "page", {"description": "overhead of containers", "prose": prose + "restart " * 2}
    )
    index = Index([page, *shelf])

    familiar, *_ = index.search("restart a model of a page").hits
    foreign, *_ = index.search("overhead of containers, pillars and taps").hits

    assert [familiar.key, foreign.key] == ["page", "page"]
    assert familiar.confidence < foreign.confidence
    assert [familiar.strength, foreign.strength] == ["possible", "none"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LayerNorm", ["layernorm", "layer", "norm"]),
        ("d_proj=32", ["proj", "32"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("RoPE", ["rope", "ro", "pe"]),
        ("the of and", []),
        ("显存不够", ["显存", "存不", "不够"]),
        ("matching matched matches", ["match"] * 3),
        ("ＡＢＣ", ["abc"]),
    ],
)
def test_terms_are_split_cut_and_paired(text, expected):
    assert [stem(term) for term in terms(text)] == [stem(term) for term in expected]


@given(st.lists(st.text(max_size=30), max_size=5), st.text(max_size=40))
def test_confidence_is_a_share_whatever_is_searched_for(texts, goal):
    index = Index(Document(str(n), {"name": t, "prose": t}) for n, t in enumerate(texts))

    assert all(0.0 < hit.confidence <= 1.0 for hit in index.search(goal).hits)


def test_an_empty_index_finds_nothing():
    assert Index([]).search("anything").hits == ()


def test_a_skill_is_found_by_its_code_and_headings():
    page = "---\nname: x\ndescription: y\n---\n## Warmup schedule\n```python\ntorch.cat()\n```\n"
    index = Index([document(read(page), "x")])

    assert [index.search(goal).hits[0].key for goal in ("warmup", "torch.cat")] == ["x", "x"]


def test_has_anybody_tried_it_gives_the_row_and_its_page():
    page = (
        "---\nname: p\ndescription: y\n---\n## Failed Attempts\n"
        "- Standard RoPE: dimension mismatch\n- Tiny model: flat at 0 %\n"
    )
    skill = read(page)

    (row,) = tried("tiny model for addition", [skill])

    assert (row.attempt.attempt, row.skill) == ("Tiny model", skill)
    assert tried("quantum annealing of sourdough", [skill]) == []


def test_a_failed_attempt_with_a_few_words_of_an_idea_is_no_answer_to_it():
    others = "".join(f"- Build number {n} of the compiler: slow\n" for n in range(30))
    page = "---\nname: p\ndescription: y\n---\n## Failed Attempts\n- Rotary base of 100: flat\n"
    skill = read(f"{page}{others}")

    (row,) = tried("rotary base of 100", [skill])

    assert row.attempt.attempt == "Rotary base of 100"
    assert tried("podman quadlet units with a rotary journal instead of compose", [skill]) == []


def test_what_was_tried_comes_likest_first_whatever_keywords_stand_beside_the_idea():
    rows = ("rotary base", "rotary base of zebras", "rotary zebras", "base of stripes", "zebras")
    page = "".join(f"- {row} in attention: it froze\n" for row in rows)
    skill = read(f"---\nname: a\ndescription: b\n---\n## Failed Attempts\n{page}")

    found = tried("rotary base", [skill], ["zebras", "stripes", "attention"])

    sure = [row.confidence for row in found]
    assert len(found) > 1
    assert sure == sorted(sure, reverse=True)
