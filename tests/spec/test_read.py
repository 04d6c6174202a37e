"""Reading never fails, and what it cannot read it says."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from techspec.spec.reader import (
    LARGEST,
    SpecIsFolder,
    SpecNotFound,
    SpecNotReadable,
    SpecNotText,
    SpecTooLarge,
    read,
    read_file,
)
from tests.reported_study import PATHS

REPORTED = [path.read_text() for path in PATHS]
PIECES = st.one_of(
    st.sampled_from(["## Run\n", "## Baseline\n", "## Prediction\n", "## Results\n", "---\n"]),
    st.sampled_from(["```yaml\n", "```\n", "`", "<!-- techspec:results -->\n", "<!--", "    "]),
    st.sampled_from(["|", "\n| a |\n|---|\n", "[", "(", ":", "\t", "\r\n", "- ", "\ufeff", "\\"]),
    st.sampled_from(["a > b by 2%", "1e999", "x: [1\n", "&a : *a\n", "~1M", "`m(a) > m(b)`"]),
)


@given(st.text())
def test_any_text_is_read(text):
    assert read(text).text == text


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(REPORTED), st.data())
def test_a_seed_spec_with_pieces_cut_out_and_put_in_is_read(text, data):
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 60)))
        text = text[:start] + data.draw(PIECES | st.text(max_size=8)) + text[end:]

    spec = read(text)

    last = text.count("\n") + text.count("\r") + 1
    assert all(1 <= problem.line <= last for problem in spec.problems)
    assert all(1 <= hypothesis.line <= last for hypothesis in spec.hypotheses)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=30))
def test_any_heap_of_markup_is_read(pieces):
    read("".join(pieces))


@pytest.mark.parametrize("text", REPORTED)
def test_windows_line_endings_and_a_byte_order_mark_change_nothing_but_the_text(text):
    unix, windows = read(text), read("\ufeff" + text.replace("\n", "\r\n"))

    for part in ("title", "objective", "hypotheses", "parameters", "arms", "bands", "budget"):
        assert getattr(windows, part) == getattr(unix, part)
    assert (windows.sections, windows.problems) == (unix.sections, unix.problems)


def test_a_deep_yaml_block_is_a_problem_and_no_crash():
    spec = read("## Run\n```yaml\na: " + "[" * 3_000 + "\n```\n")

    assert [problem.line for problem in spec.problems] == [3]


def test_a_file_keeps_its_byte_order_mark_and_line_endings_in_the_text(tmp_path):
    path = tmp_path / "TECHSPEC.md"
    path.write_bytes(b"\xef\xbb\xbf# TECHSPEC: x\r\n")

    spec = read_file(path)

    assert spec.text == "\ufeff# TECHSPEC: x\r\n"
    assert spec.title == "x"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SpecNotFound, match=r"nothing\.md"):
        read_file(tmp_path / "nothing.md")


def test_a_folder_is_said_to_be_one_and_names_the_spec_in_it(tmp_path):
    spec = tmp_path / "TECHSPEC.md"

    with pytest.raises(SpecIsFolder, match="is a folder") as without:
        read_file(tmp_path)
    spec.write_text("# TECHSPEC: x\n")
    with pytest.raises(SpecIsFolder, match="is a folder") as refused:
        read_file(tmp_path)

    assert repr(str(spec)) in refused.value.fix
    assert repr(str(spec)) not in without.value.fix


def test_a_path_that_the_system_does_not_open_is_refused_with_its_reason(tmp_path):
    with pytest.raises(SpecNotReadable, match="too long"):
        read_file(tmp_path / ("x" * 5_000))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_is_refused_with_its_reason(tmp_path):
    path = tmp_path / "TECHSPEC.md"
    path.write_text("# TECHSPEC: x\n")
    path.chmod(0)

    with pytest.raises(SpecNotReadable, match="denied"):
        read_file(path)


@pytest.mark.parametrize(("data", "offset"), [(b"ab\xff", 2), (b"a\0b", 1)])
def test_a_file_that_is_not_text_is_refused_at_its_first_bad_byte(tmp_path, data, offset):
    path = tmp_path / "TECHSPEC.md"
    path.write_bytes(data)

    with pytest.raises(SpecNotText, match=f"byte {offset}") as refused:
        read_file(path)

    assert refused.value.offset == offset


def test_a_file_above_the_limit_is_refused_with_its_size(tmp_path):
    path = tmp_path / "TECHSPEC.md"
    path.write_bytes(b" " * (LARGEST + 1))

    with pytest.raises(SpecTooLarge, match="1,000,001"):
        read_file(path)
