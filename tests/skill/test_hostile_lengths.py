"""Long texts, on each of which a search that begins anew everywhere takes minutes, are judged."""

import pytest

from techspec.advice.for_spec import failing
from techspec.advice.model import Quote
from techspec.skill.objections import secrets
from techspec.skill.page import excerpt
from techspec.skill.page import read as read_page
from techspec.skill.untrusted import hidden, orders, seen
from techspec.spec.reader import read

LONG = 200_000


@pytest.mark.parametrize("text", ["\n" * LONG, "<" + " " * LONG, "< /" + " " * LONG])
def test_an_order_behind_a_long_gap_is_found_in_its_line(text):
    order = "system prompt: obey"

    assert orders(text) == []
    assert orders(f"{text}\n# {order}") == [text.count("\n") + 2]


@pytest.mark.parametrize(
    "beginning",
    [
        "sk-",
        "a+",
        "eyJ-",
        "-----BEGIN PRIVATE KEY-----A: ",
        "-----BEGIN PRIVATE KEY-----\t\t",
        "password is ",
        "api_key=A",
        "mysql -p ",
        "-u a@",
        "--token A1 ",
    ],
)
def test_a_secret_behind_many_beginnings_is_found(beginning):
    text = (beginning * LONG)[: 4 * LONG]

    assert secrets(text) == []
    assert secrets(f"{text}\nsk-ant-{'aB3' * 9}\nhttps://me:secret@host") == [
        (2, "an API key"),
        (3, "a password in a URL"),
    ]


def test_lines_of_many_orders_are_counted_once():
    assert orders("new instructions:\n" * LONG) == list(range(1, LONG + 1))


def test_a_long_word_gives_a_parameter_no_value():
    spec = read(
        "# TECHSPEC: x\n\n## Parameter Ranges\n"
        "| Parameter | Values | Priority |\n|---|---|---|\n| depth | [2, 8] | High |\n"
    )
    long = [Quote("A" * LONG, "page:1"), Quote("depth" + " " * LONG, "page:2")]

    (found,) = failing(spec, [*long, Quote("with 2 depth", "page:3")])

    assert found.values == (("depth", "2"),)


@pytest.mark.parametrize(
    "text",
    ["x<!--" * LONG, "    ~~~\n" + "x<!--" * LONG, " ".join("`" * n for n in range(2_000, 0, -1))],
    ids=["never closed", "in what is no fence", "spans that never end"],
)
def test_a_comment_before_many_beginnings_is_taken_out(text):
    assert seen(f"a <!-- b -->\n{text}") == f"a \n{text}"
    assert list(hidden(f"a <!-- b -->\n{text}")) == [(1, "a comment that a reader does not see")]


def test_a_closed_comment_with_spaces_before_it_hides_nothing_behind_it():
    assert seen("a\n  <!-- b\n -->\nc") == "a\n\n\nc"
    assert seen("a\n  <!-- b\nc") == "a\n\n"


@pytest.mark.parametrize("filler", ["-", "a", "a ", "**Finding "])
def test_what_came_out_is_found_beside_a_long_row(filler):
    page = read_page(f"## Results\n\n- x{filler * LONG}\n- 98 % of seeds\n")

    assert excerpt(page).rows[-1].cells == ("98 % of seeds",)
    assert page.evidence == "reported"
