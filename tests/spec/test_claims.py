"""The claim grammar: six forms, and the word that stops each mistake."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from techspec.spec.claims import (
    ArmRef,
    Chain,
    ClaimUnreadable,
    Difference,
    Insensitive,
    Smallest,
    Threshold,
    Trend,
    looks_like_claim,
    parse,
    parse_chain,
    write,
)

WIDE, DEEP, C = ArmRef("wide"), ArmRef("deep"), ArmRef("c")
SETTINGS = ArmRef("", (("d_model", 512), ("depth", 2)))

READ = {
    "exact_match(wide) > exact_match(deep) by 2pt": Difference(
        "exact_match", WIDE, DEEP, ">", 0.02
    ),
    "exact_match(wide)<exact_match(deep)": Difference("exact_match", WIDE, DEEP, "<"),
    "loss(wide) < loss(deep) by at least 0.1": Difference("loss", WIDE, DEEP, "<", 0.1),
    "val/loss(wide) < val/loss(deep) by 2 percentage points": Difference(
        "val/loss", WIDE, DEEP, "<", 0.02
    ),
    "exact_match(d_model=512, depth=2) > exact_match( ( d_model = 512,depth=2 ) )": Difference(
        "exact_match", SETTINGS, SETTINGS, ">"
    ),
    "exact_match(wide) >= 95%": Threshold("exact_match", WIDE, ">=", 0.95),
    "exact match(wide) ≥ 0.95": Threshold("exact_match", WIDE, ">=", 0.95),
    "loss(wide) ≤ 2": Threshold("loss", WIDE, "<=", 2.0),
    "exact_match(d_model=512, depth=2) > 95 %": Threshold("exact_match", SETTINGS, ">", 0.95),
    "exact_match insensitive to rope_theta within 2pt": Insensitive(
        "exact_match", "rope_theta", 0.02
    ),
    "exact_match insensitive to RoPE theta within 0.02": Insensitive(
        "exact_match", "rope_theta", 0.02
    ),
    "exact_match increases with width": Trend("exact_match", "d_model", "increases"),
    "loss decreases with d_model": Trend("loss", "d_model", "decreases"),
    "smallest params with exact_match >= 70%": Smallest("params", "exact_match", ">=", 0.7),
    "Smallest params with exact_match >= 70% is at most 250K": Smallest(
        "params", "exact_match", ">=", 0.7, 250000.0
    ),
    "wide > deep": Chain((WIDE, DEEP)),
    "Wide-shallow > 1.5x deep > c": Chain((ArmRef("Wide-shallow"), ArmRef("1.5x deep"), C)),
    "c < deep < wide": Chain((WIDE, DEEP, C)),
    "wide > deep > c by 2pt": Chain((WIDE, DEEP, C), None, 0.02),
    "exact_match: wide > deep by 2pt": Chain((WIDE, DEEP), "exact_match", 0.02),
    "exact_match(wide) > exact_match(deep) > exact_match(c)": Chain((WIDE, DEEP, C), "exact_match"),
    "(d_model=512, depth=2) > deep": Chain((SETTINGS, DEEP)),
}


@pytest.mark.parametrize("text", READ)
def test_a_claim_has_its_form(text):
    claim = parse(text)

    assert claim.form == READ[text]
    assert claim.text == text


def test_values_of_an_arm_have_the_type_they_are_written_in():
    form = parse("m(lr=1e-4, params=253K, rope=true, order=lsd) > 1").form

    assert form.arm.settings == (
        ("learning_rate", 0.0001),
        ("params", 253000),
        ("rope", True),
        ("order", "lsd"),
    )


def test_known_arms_are_found_in_any_case_with_any_character_and_the_longest_first():
    arms = ["Wide", "Wide (2x) > by 3", "deep"]

    assert parse("exact_match(wide (2X) > by 3) > exact_match(DEEP)", arms).form == Difference(
        "exact_match", ArmRef("Wide (2x) > by 3"), DEEP, ">"
    )
    assert parse("WIDE > deep", arms).form == Chain((ArmRef("Wide"), DEEP))
    assert parse("Wider > deep", arms).form == Chain((ArmRef("Wider"), DEEP))


def test_an_arm_may_be_called_like_a_number_if_it_is_known():
    assert parse("1M > 253K", ["1M", "253K"]).form == Chain((ArmRef("1M"), ArmRef("253K")))


REFUSED = {
    "exact_match(wide) > exact_match(deep) by 2%": ("2%", "by 2pt"),
    "exact_match insensitive to rope_theta within 2 %": ("2", "within 2pt"),
    "exact_match insensitive to rope_theta": ("", "within 2pt"),
    "exact_match insensitive rope_theta within 2pt": ("rope_theta", "insensitive to"),
    "exact_match(wide) > loss(deep)": ("loss", "two claims"),
    "exact_match(wide) >= exact_match(deep)": (">=", ">"),
    "exact_match(wide) > deep": ("deep", "exact_match(deep)"),
    "exact_match(wide)": ("", ">= 95%"),
    "exact_match >= 95%": ("95%", "exact_match(name) >= 95%"),
    "exact_match(wide": ("", "exact_match(wide)"),
    "exact_match(wide) > exact_match(deep) by lots": ("lots", "by 2pt"),
    "exact_match(wide) > exact_match(deep) by -2pt": ("-2pt", "without a sign"),
    "exact_match(wide) > exact_match(deep) of course": ("of", "backticks"),
    "wide > deep < c": ("<", ">"),
    "wide >": ("", "exact_match"),
    "wide": ("", "exact_match"),
    "": ("", "exact_match"),
    "exact_match(d_model=) > 2": (")", "d_model=512"),
    "smallest params with exact_match": ("", "smallest params with"),
    "smallest params with exact_match >= 70% is 250K": ("250K", "at most"),
    "exact_match increases in d_model": ("in", "increases with"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_mistake_is_refused_at_its_word_with_the_way_out(text):
    word, fix = REFUSED[text]

    with pytest.raises(ClaimUnreadable) as refused:
        parse(text)

    problem = refused.value.problem
    assert problem.text == text
    assert text[problem.start : problem.end] == word
    assert fix in problem.fix
    assert word or problem.start == len(text)


def test_a_chain_of_known_arms_ends_where_the_prose_begins():
    claim = parse_chain("wide > DEEP for positional ops, by a lot", ["Wide", "Deep"])

    assert claim.text == "wide > DEEP"
    assert claim.form == Chain((ArmRef("Wide"), ArmRef("Deep")))


@pytest.mark.parametrize("text", READ)
def test_every_claim_of_the_grammar_looks_like_one(text):
    assert looks_like_claim(text)


@pytest.mark.parametrize("text", ["d_model", "d_model=512", ">95%", "x -> y", "lr", "a => b", ""])
def test_a_name_a_setting_a_level_and_an_arrow_do_not_look_like_a_claim(text):
    assert not looks_like_claim(text)


WORD = st.from_regex(r"[a-z][a-z0-9_.-]{0,6}", fullmatch=True).filter(
    lambda word: word not in {"by", "at", "is", "with", "within", "true", "false", "smallest"}
)
NAMES = st.lists(WORD, min_size=1, max_size=2).map(" ".join)
NUMBERS = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
KEYS = st.sampled_from(["d_model", "depth", "rope_theta", "x2"])
VALUES = st.booleans() | st.integers(-(10**12), 10**12) | st.floats(-1e9, 1e9) | WORD
ARMS = NAMES.map(ArmRef) | st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=3).map(
    lambda settings: ArmRef("", tuple(settings))
)
RELATIONS = st.sampled_from([">", "<", ">=", "<="])
MARGINS = st.none() | NUMBERS
FORMS = st.one_of(
    st.builds(Difference, WORD, ARMS, ARMS, st.sampled_from([">", "<"]), MARGINS),
    st.builds(Threshold, WORD, ARMS, RELATIONS, NUMBERS),
    st.builds(Insensitive, WORD, KEYS, NUMBERS),
    st.builds(Trend, WORD, KEYS, st.sampled_from(["increases", "decreases"])),
    st.builds(Smallest, KEYS, WORD, RELATIONS, NUMBERS, MARGINS),
    st.builds(
        Chain,
        st.lists(ARMS, min_size=2, max_size=4).map(tuple),
        st.none() | WORD,
        MARGINS,
    ),
)


@settings(deadline=None, max_examples=300)
@given(FORMS)
def test_a_claim_that_was_written_is_read_back_the_same(form):
    assert parse(write(form)).form == form


TOKENS = st.one_of(
    st.sampled_from(["exact_match", "a", "b", "2pt", "2%", "0.5", "smallest", "insensitive"]),
    st.sampled_from(["(", ")", ">", "<", ">=", "≥", ",", "=", ":", "by", "at", "least"]),
    st.sampled_from(["with", "to", "within", "increases", "is", "most"]),
)


@settings(deadline=None, max_examples=400)
@given(
    st.text() | st.lists(TOKENS, max_size=14).map(" ".join),
    st.lists(st.text(max_size=5), max_size=3),
)
def test_any_text_is_a_claim_or_has_a_word_that_stops_it(text, arms):
    try:
        assert parse(text, arms).text == text
    except ClaimUnreadable as refused:
        problem = refused.problem
        assert 0 <= problem.start <= problem.end <= len(text)
        assert problem.what
        assert problem.fix
    looks_like_claim(text)
