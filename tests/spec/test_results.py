"""The results are written in, and nothing else is touched."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from techspec.spec.results import CLOSING, OPENING, find, replace

PIECES = st.one_of(
    st.sampled_from(["# T\n", "## Results\n", "### Sub\n", "Results\n---\n", "---\n", "text\n"]),
    st.sampled_from(["```\n", "~~~~", "    code\n", "- item\n", "  ```\n", "    ```\n", "   "]),
    st.sampled_from([f"{OPENING}\n", f"{CLOSING}\n", OPENING, "<!--", "-->\n", "<pre>\n"]),
    st.sampled_from(["text", "\n", "\r\n", "\r", "\ufeff", "| a |\n|--|\n", "> ", "1. ", "\t"]),
)
TEXTS = st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=40)


def test_the_block_stands_at_the_end_of_the_section_results():
    text = "# T\n\n## Results\n\nMine.\n\n## Context\n\nc\n"

    assert replace(text, "**CONFIRMED**\n") == (
        "# T\n\n## Results\n\nMine.\n\n"
        "<!-- techspec:results -->\n**CONFIRMED**\n<!-- /techspec:results -->\n"
        "\n## Context\n\nc\n"
    )


def test_a_spec_without_the_section_gets_one_at_its_end():
    assert replace("# T\n\ntext\n", "R") == (
        "# T\n\ntext\n\n## Results\n\n<!-- techspec:results -->\nR\n<!-- /techspec:results -->\n"
    )


def test_an_existing_block_is_replaced_where_it_stands():
    text = replace("a\n\n## Results\n\nmine\n\n## Z\n", "old\n\n## Heading of ours")

    assert replace(text, "new") == replace("a\n\n## Results\n\nmine\n\n## Z\n", "new")


def test_windows_line_endings_and_a_missing_last_newline_stay():
    written = replace("# T\r\n\r\ntext", "one\ntwo")

    assert written == (
        "# T\r\n\r\ntext\r\n\r\n## Results\r\n\r\n"
        "<!-- techspec:results -->\r\none\r\ntwo\r\n<!-- /techspec:results -->"
    )


def test_markers_in_a_code_block_are_text():
    text = f"# T\n\n```\n{OPENING}\n{CLOSING}\n```\n"

    assert find(text) is None
    assert replace(text, "R").startswith(text)


def test_results_cannot_end_their_block_early():
    text = replace("# T\n", f"{CLOSING}\n{OPENING}\n```\nno end")

    assert replace(text, "R") == replace("# T\n", "R")


def test_results_go_before_a_code_block_that_never_ends():
    text = replace("# T\n\n```\nx\n", "R")

    assert text.endswith(f"{CLOSING}\n\n```\nx\n")
    assert replace(text, "R") == text


@settings(max_examples=400, deadline=None)
@given(TEXTS, TEXTS)
def test_writing_twice_is_writing_once(text, results):
    once = replace(text, results)

    assert find(once) is not None
    assert replace(once, results) == once


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS)
def test_without_what_was_written_the_text_is_the_one_before(text, results):
    written = replace(text, results)

    if (block := find(text)) is not None:
        lines = re.findall(r".*?(?:\r\n|\n|\r)|.+$", text, re.DOTALL)
        assert written.startswith("".join(lines[: block[0]]))
        assert written.endswith("".join(lines[block[1] :]))
    else:
        assert _shared(text, written) + _shared(text[::-1], written[::-1]) >= len(text)


@settings(deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_only_the_last_results_remain(text, older, newer):
    assert replace(replace(text, older), newer) == replace(text, newer)


def _shared(one, other):
    """How many characters both begin with."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
