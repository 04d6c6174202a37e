import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from techspec.ledger.state import State
from techspec.plan.model import Question
from techspec.report import charts
from techspec.report.charts import NoMatplotlib
from techspec.verdict.model import ArmResult, SeedValue

SERIES = ("one", "two", "three", "four", "five", "six")
VOID_TAGS = {"meta", "br", "path", "use", "rect", "circle", "line"}


class Reader(HTMLParser):
    """Tags as a browser would open them, and the text in them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.open, self.ids, self.labels = [], [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in VOID_TAGS:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_endtag(self, tag):
        if tag not in VOID_TAGS:
            assert self.open.pop() == tag

    def handle_data(self, text):
        self.text.append(text)


@pytest.fixture(scope="session")
def read(page):
    return Reader(page)


def test_the_page_asks_for_nothing_outside_itself_and_runs_nothing(page, read):
    assert "://" not in page
    assert "url(http" not in page
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in read.tags}
    for _, attributes in read.tags:
        for name in ("href", "xlink:href", "src"):
            assert (attributes.get(name) or "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)


def test_text_of_the_user_stays_text_in_the_page_and_in_its_charts(page, read):
    assert "<b>" not in page
    assert "alert('1')" in "".join(read.text)
    assert any(text.startswith("Nasty <b>$x_1$") for text in read.text)  # a label of a chart
    assert not read.open


def test_every_verdict_stands_there_with_its_word_and_its_whole_sentence(campaign, read):
    words = " ".join("".join(read.text).replace("\N{NO-BREAK SPACE}", " ").split())
    for verdict in campaign.verdicts:
        assert verdict.outcome.value in words
        assert " ".join(verdict.sentence.replace("`", "").split()) in words
        for caveat in verdict.caveats:
            assert caveat in words


def test_no_line_of_a_verdict_ends_between_a_number_and_its_unit(read):
    said = [text for text in read.text if "Rule: " in text or "% interval" in text]

    assert len(said) >= 4
    assert [text for text in said if re.search(r"\d (%|pt\b)|≤ \d", text)] == []


def test_every_run_has_its_row_and_every_seed_its_value(campaign, read):
    texts = set(read.text)
    for trial in campaign.plan.trials:
        assert trial.id in texts
        value = campaign.state.metric(trial.id, "exact_match")
        assert value is None or f"{100 * value:.1f} %" in texts
    assert "diverged" in texts
    assert "not started" in texts
    assert "the loss was nan at step 5100" in texts


def test_what_was_spent_left_out_decided_and_amended_is_told(read):
    words = "".join(read.text)
    for told in (
        "1 h 2 min",
        "2 h",
        "no limit",
        "over the 50 experiments",
        "7 is odd",
        "Lower was taken as the baseline.",
        "the set was too small",
        "da7ada7a",
    ):
        assert told in words


def test_charts_have_words_for_those_who_do_not_see_them(read):
    drawings = [attributes for tag, attributes in read.tags if tag == "svg"]

    assert len(drawings) == 5  # two intervals, seeds, curves, parameters
    assert all(each["role"] == "img" and each["aria-label"] for each in drawings)
    assert any("42.0 %" in each["aria-label"] for each in drawings)


def test_ids_are_unique_and_every_reference_has_one(page, read):
    assert len(read.ids) == len(set(read.ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', page)) <= set(read.ids)


def test_colours_of_charts_are_the_pages_own_for_light_and_dark(page):
    drawings = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))

    assert "var(--accent)" in drawings
    assert not re.search(r"#[0-9a-f]{6}\b", drawings)
    assert "prefers-color-scheme: dark" in page


def _luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_contrasts_with_its_ground_in_light_and_dark(page):
    light, dark = re.findall(r":root \{(.*?)\}", page, flags=re.DOTALL)[:2]
    for block in (light, dark):
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
        for ground in ("paper", "raised"):
            for name in ("ink", "muted", "confirmed", "refuted", "inconclusive", "void", *SERIES):
                ends = sorted((_luminance(colours[name]), _luminance(colours[ground])))
                assert (ends[1] + 0.05) / (ends[0] + 0.05) >= 4.5, (name, ground)


def test_the_same_campaign_gives_the_same_page(campaign, page):
    assert campaign.page() == page


def test_a_campaign_without_a_single_run_has_a_page_too(campaign):
    empty = replace(campaign, state=State())

    page = empty.page()

    assert "0 runs have ended" in page
    assert "<svg" not in page


def test_a_plan_without_arms_and_questions_has_a_page_too(campaign):
    bare = replace(campaign.plan, arms=(), trials=(), questions=(), dropped=(), bands=())

    assert "no hypothesis" in replace(campaign, plan=bare, state=State()).page()


def test_a_second_metric_that_a_claim_is_about_has_its_own_chart(campaign):
    ended = {
        key: replace(known.ended, metrics={**known.ended.metrics, "mirrored": 0.5 + 0.01 * place})
        for place, (key, known) in enumerate(campaign.state.trials.items())
    }
    trials = {key: replace(campaign.state.trials[key], ended=end) for key, end in ended.items()}
    question = Question("H1", "t", "mirrored(Upper) >= 50%", "mirrored", ("Upper",))
    plan = replace(campaign.plan, questions=(question,))

    page = replace(campaign, plan=plan, state=replace(campaign.state, trials=trials)).page()

    assert "Every seed: mirrored" in page


def test_without_matplotlib_the_error_says_what_to_install(campaign, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(NoMatplotlib) as refused:
        campaign.page()

    assert "pip install matplotlib" in refused.value.fix


def test_importing_the_report_loads_neither_scipy_nor_matplotlib():
    code = (
        "import sys, techspec.report;"
        "print([name for name in ('scipy', 'numpy', 'matplotlib') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def unfinished(campaign):
    """The campaign with a question that still asks for seed 6 of Upper."""
    first, second, third = campaign.plan.questions
    later = replace(second, looks=(7,))
    return replace(campaign, plan=replace(campaign.plan, questions=(first, later, third)))


def test_an_unfinished_campaign_says_so_before_any_verdict(campaign):
    page = unfinished(campaign).page()

    told = page.index("The campaign is not finished: 1 more run is asked for")
    assert told < page.index('class="summary"') < page.index('id="verdicts"')


def test_a_finished_campaign_has_no_warning(campaign):
    assert 'class="warning"' not in campaign.page()


def test_a_spec_that_moved_on_is_told_before_any_verdict(campaign):
    spec = replace(campaign.spec, hypotheses=campaign.spec.hypotheses[:2])

    page = replace(campaign, spec=spec).page()

    told = page.index("The spec was edited after its plan was fixed: H3 is gone.")
    assert told < page.index('id="verdicts"')


def test_the_arms_table_tells_differences_and_the_rest_once_and_folded(campaign):
    base = {"d_model": 64, "depth": 2, "bias": True}
    configs = [base, {**base, "bias": False, "depth": 4}, {**base, "depth": 1}, base]
    arms = [
        replace(arm, config=config, is_baseline=config is configs[0] and place == 0)
        for place, (arm, config) in enumerate(zip(campaign.plan.arms, configs, strict=True))
    ]

    page = replace(campaign, plan=replace(campaign.plan, arms=tuple(arms))).page()

    assert page.count("d_model=64") == 1
    assert "d_model=64, depth=2, bias=true</p></details>" in page
    assert "depth=4, bias=false</span>" in page
    assert "depth=1</span>" in page


def test_without_a_baseline_what_all_arms_have_is_told_once(campaign):
    arms = [
        replace(arm, config={"d_model": 64, "depth": place})
        for place, arm in enumerate(campaign.plan.arms)
    ]

    page = replace(campaign, plan=replace(campaign.plan, arms=tuple(arms))).page()

    assert page.count("d_model=64") == 1
    assert "depth=3</span>" in page


def test_arms_of_one_size_stand_side_by_side_each_with_its_own_mark():
    arms = [
        ArmResult(name, (SeedValue(0, name, 0.5),), 1000 if name != "_d" else 9000)
        for name in ("a", "b", "c", "_d")
    ]

    drawing = charts.by_params(arms, charts.Scale("exact_match", "%"), "k")

    marks = re.findall(
        r'<use xlink:href="#([^"]+)" x="([^"]+)" y="[^"]+" style="fill: ([^;"]+)', drawing
    )
    marks = [mark for mark in marks if mark[2] != "var(--muted)"]  # those are ticks
    assert len({shape for shape, _, _ in marks}) == len({colour for _, _, colour in marks}) == 4
    assert all(name in drawing for name in (">a<", ">b<", ">c<", "_d<"))
    assert len({x for _, x, _ in marks[:4]}) == 4


def test_no_dot_at_the_end_of_a_learning_curve_is_cut():
    drawing = charts.curves({"a": [[(0, 0.1), (600, 0.9)]]}, charts.Scale("m", "%"), "k")

    clipped = re.findall(r"clip-path=[^>]*stroke: ([^;]+)", drawing)
    assert set(clipped) == {"var(--grid)"}
    assert not re.search(r'<g clip-path="[^"]*">\s*<use', drawing)
