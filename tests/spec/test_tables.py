"""Tables as plain text, whatever their shape."""

from techspec.spec.blocks import blocks
from techspec.spec.tables import Table


def only_table(text):
    (table,) = [block for block in blocks(text) if isinstance(block, Table)]
    return table


def test_rows_have_their_lines_and_no_markup():
    table = only_table("x\n\n| **Name** | `d` |\n|---|:-:|\n| [a](http://b) | *1* <!-- c --> |\n")

    assert (table.line, table.header) == (3, ("Name", "d"))
    assert [(row.line, row.cells) for row in table.rows] == [(5, ("a", "1"))]


def test_an_escaped_pipe_belongs_to_its_cell():
    assert only_table("| a | b |\n|--|--|\n| x \\| y | `p\\|q` |\n").rows[0].cells == (
        "x | y",
        "p|q",
    )


def test_a_short_row_is_filled_and_a_long_one_says_what_is_left_over():
    table = only_table("| a | b |\n|--|--|\n| 1 |\n| 1 | 2 | 3 | <!-- not this --> |\n")

    assert [row.cells for row in table.rows] == [("1", ""), ("1", "2")]
    assert [row.surplus for row in table.rows] == ["", "3"]


def test_a_comment_behind_the_last_column_is_nothing():
    assert only_table("| a |\n|--|\n| 1 | <!-- TS201 -->\n").rows[0].surplus == ""


def test_a_line_without_a_pipe_ends_the_table():
    table = only_table("| a | b |\n|--|--|\n| 1 | 2 |\nTarget: ~1M\n")

    assert [row.line for row in table.rows] == [3]
    assert table.after == ((4, "Target: ~1M"),)


def test_a_table_may_touch_the_line_above_it():
    assert only_table("Target: ~1M\n| a |\n|--|\n| 1 |\n").line == 2
