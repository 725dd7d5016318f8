"""Figures are judged by their median, or each of them, and shown with their spread."""

from __future__ import annotations

import pytest

from tests.bench import budgets
from tests.bench.judging import Judged, Line, is_good, judge, number, quantile, ratios, table

AT_MOST = Line("late", "bench", "p99 over the floor's", "", "why", at_most=1.5)
AT_LEAST = Line("share", "bench", "share of the floor's rate", "", "why", at_least=0.7)
EVERY = Line("worst", "bench", "the last answer", "ms", "why", at_most=500, of_every_run=True)
SHOWN = Line("floor", "bench", "the floor", "ms", "why")


@pytest.mark.parametrize(
    ("line", "figures", "verdict"),
    [
        (AT_MOST, (1.4, 1.5, 9.0), "ok"),
        (AT_MOST, (1.4, 1.51, 9.0), "missed"),
        (AT_LEAST, (0.1, 0.7, 0.8), "ok"),
        (AT_LEAST, (0.1, 0.69, 0.8), "missed"),
        (EVERY, (100, 100, 500), "ok"),
        (EVERY, (100, 100, 501), "missed"),
        (SHOWN, (7.0,), "shown"),
        (AT_MOST, (), "not measured"),
    ],
)
def test_the_median_is_judged_or_every_run(line: Line, figures: tuple[float, ...], verdict: str) -> None:
    assert Judged(line, figures).verdict == verdict


def test_what_was_not_measured_is_not_good() -> None:
    assert is_good(judge([AT_MOST, SHOWN], {"late": [1.0], "floor": [3.0]}))
    assert not is_good(judge([AT_MOST, SHOWN], {"late": [1.0]}))
    assert not is_good(judge([AT_MOST], {"late": [1.6]}))


def test_figures_of_no_line_are_refused() -> None:
    with pytest.raises(KeyError, match="typo"):
        judge([SHOWN], {"floor": [1.0], "typo": [1.0]})


@pytest.mark.parametrize(
    ("line", "figures", "spread"),
    [
        (AT_MOST, (1.0, 3.0, 2.0), "2.00 (1.00 – 3.00)"),
        (SHOWN, (7.001, 7.002), "7.00 ms"),
        (EVERY, (), ""),
    ],
)
def test_the_spread_is_the_median_with_the_least_and_the_greatest(
    line: Line, figures: tuple[float, ...], spread: str
) -> None:
    assert Judged(line, figures).spread == spread


@pytest.mark.parametrize(
    ("figure", "unit", "shown"),
    [
        (0.345, "ms", "0.34 ms"),
        (12.34, "ms", "12.3 ms"),
        (1234.5, "ms", "1,234 ms"),
        (0.705, "s", "0.70 s"),
        (4300.4, "/s", "4,300/s"),
        (249.6, "MB", "250 MB"),
        (0.66, "", "0.66"),
    ],
)
def test_numbers_have_the_places_of_their_unit(figure: float, unit: str, shown: str) -> None:
    assert number(figure, unit) == shown


def test_the_table_has_a_row_for_each_line() -> None:
    rows = table(judge([AT_MOST, SHOWN], {"late": [1.6], "floor": [7.0]})).splitlines()
    assert [row.split()[-1] for row in rows] == ["missed", "shown"]
    assert "≤ 1.50" in rows[0]


def test_a_ratio_is_of_one_run() -> None:
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [1.0, 2.0])


def test_a_quantile_is_one_of_the_figures() -> None:
    assert quantile([4, 1, 3, 2], 0.5) == 3
    assert quantile(range(100), 0.99) == 99
    assert quantile([5.0], 0.99) == 5.0


def test_every_budget_has_a_key_of_its_own_a_unit_and_a_reason() -> None:
    lines = budgets.LINES
    assert len({line.key for line in lines}) == len(lines)
    assert len({line.what for line in lines}) == len(lines)
    for line in lines:
        assert number(1.0, line.unit)
        assert line.reason
        assert line.at_most is None or line.at_least is None
