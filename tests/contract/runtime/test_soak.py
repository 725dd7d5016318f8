"""The short form of `make soak`: a door that answers while values, certificates and the store change."""

from __future__ import annotations

from pathlib import Path

from tests.soak.soak import SHORT, Soak
from tests.support.clickhouse import running_clickhouse


def test_a_door_in_changing_circumstances_answers_all_requests_and_each_one_right(tmp_path: Path) -> None:
    with running_clickhouse(tmp_path / "clickhouse") as clickhouse:
        report = Soak(SHORT, clickhouse, tmp_path).run()
    print(report.text())
    assert report.problems() == []
