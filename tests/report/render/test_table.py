"""One table in four forms."""

import csv
import io

import pytest

from kdse.report.render.table import Column, Table, latex, markdown, plain, to_csv
from kdse.scoring.significance import Estimate


@pytest.fixture
def table() -> Table:
    columns = [
        Column("system", "system"),
        Column("wer", "WER %"),
        Column("params", "parameters"),
        Column("d", "points", 2, sign=True),
    ]
    first = {"system": "kd_re (a|b)", "wer": Estimate(12.345, 11.0, 13.55, 520, 130), "params": 198402, "d": -1.234}
    second = {"system": "one & only", "wer": Estimate(50.0, None, None, 4, 1), "params": None, "d": 0.001}
    third = {"system": "wiener", "wer": "not run"}
    return Table("t", "A title", columns, [first, second, third], {(0, "wer")})


def test_markdown(table):
    assert markdown(table).splitlines() == [
        "| system | WER % | parameters | points |",
        "| --- | ---: | ---: | ---: |",
        r"| kd_re (a\|b) | **12.3** [11.0, 13.6] | 198,402 | -1.23 |",
        "| one & only | 50.0 [–] | – | +0.00 |",
        "| wiener | not run | – | – |",
    ]


def test_csv_has_full_numbers_and_the_ends_of_intervals_in_columns_of_their_own(table):
    rows = list(csv.reader(io.StringIO(to_csv(table))))
    assert rows == [
        ["system", "wer", "wer_low", "wer_high", "params", "d"],
        ["kd_re (a|b)", "12.345", "11", "13.55", "198402", "-1.234"],
        ["one & only", "50", "", "", "", "0.001"],
        ["wiener", "not run", "", "", "", ""],
    ]


def test_latex_is_escaped_and_has_proper_minus_signs(table):
    lines = latex(table).splitlines()
    assert lines[1:3] == [r"\begin{tabular}{lrrr}", r"\toprule"]
    assert lines[5] == r"kd\_re (a|b) & \textbf{12.3} {\scriptsize[11.0, 13.6]} & 198,402 & $-$1.23 \\"
    assert lines[6] == r"one \& only & 50.0 {\scriptsize[--]} & -- & +0.00 \\"
    minus = Table(
        "m", "", [Column("system", "a"), Column("d", "d")], [{"system": "dccrn-5 − x", "d": Estimate(-1.0, -2.0, -0.5, 9, 9)}]
    )
    assert r"dccrn-5 $-$ x & $-$1.0 {\scriptsize[$-$2.0, $-$0.5]} \\" in latex(minus)


def test_plain_text_is_aligned(table):
    assert plain(table).splitlines()[0] == "system                   WER %  parameters  points"
    assert plain(table).splitlines()[3] == "wiener                 not run           –       –"


@pytest.mark.parametrize(
    ("value", "sign", "text"), [(-0.01, False, "0.0"), (-0.01, True, "+0.0"), (2.0, True, "+2.0"), (-2.0, True, "-2.0")]
)
def test_what_rounds_to_zero_has_no_minus(value, sign, text):
    assert Column("x", "x", sign=sign).show(value) == text
