from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubedoor import quantities
from kubedoor.errors import QuantityError


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("250m", "0.25"),
        ("1", "1"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("1.", "1"),
        ("+2", "2"),
        ("-1", "-1"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1E", "1000000000000000000"),
        ("100n", "0.0000001"),
        ("250u", "0.00025"),
        ("2k", "2000"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("128974848000m", "128974848"),
        (2, "2"),
        (0.5, "0.5"),
        (1e-7, "0.0000001"),
        ("9223372036854775806", "9223372036854775806"),
        ("8Ei", "9223372036854775807"),
        ("-9E9", "-9000000000"),
        ("-1e30", "-9223372036854775807"),
        ("1e1000", "9223372036854775807"),
        ("0e1000", "0"),
        ("1e-1000", "0.000000001"),
        ("0.1n", "0.000000001"),
        ("1.5n", "0.000000002"),
    ],
)
def test_a_quantity_is_parsed_as_kubernetes_does(text: str | int | float, want: str) -> None:
    assert quantities.parse(text) == Decimal(want)


@pytest.mark.parametrize("text", ["", " ", "1 Gi", "1gi", "1KI", "Mi", "1.2.3", "0x10", "1e", "NaN", "inf", "1Mi1"])
def test_an_invalid_quantity_is_refused_by_name(text: str) -> None:
    with pytest.raises(QuantityError, match="quantity"):
        quantities.parse(text)


@pytest.mark.parametrize("value", [True, None, [], {}])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(QuantityError):
        quantities.parse(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "want"), [("0.5", 500), ("250u", 1), ("1", 1000), ("0.0001", 1), ("0", 0)])
def test_cpu_is_rounded_up_to_millicores(text: str, want: int) -> None:
    assert quantities.cpu_millicores(text) == want


@pytest.mark.parametrize(("text", "want"), [("1Mi", 2**20), ("1500m", 2), ("0.5", 1), ("1G", 10**9)])
def test_memory_is_rounded_up_to_bytes(text: str, want: int) -> None:
    assert quantities.memory_bytes(text) == want


@pytest.mark.parametrize(
    ("millicores", "want"),
    [(0, "0"), (1, "1m"), (250, "250m"), (1000, "1"), (1500, "1.5"), (1234, "1.234"), (64000, "64"), (-1500, "-1.5")],
)
def test_cpu_is_written_in_millicores_below_one_core_and_in_cores_above(millicores: int, want: str) -> None:
    assert quantities.format_cpu(millicores) == want


@pytest.mark.parametrize(
    ("count", "want"),
    [
        (0, "0"),
        (512_000_000, "512M"),
        (1_500_000_000, "1.5G"),
        (1000, "1k"),
        (1024, "1Ki"),
        (1610612736, "1.5Gi"),
        (1280 * 2**20, "1.25Gi"),
        (1100 * 2**20, "1100Mi"),
        (2**60, "1Ei"),
        (2**20 + 1, "1048577"),
        (-(2**29), "-512Mi"),
    ],
)
def test_memory_is_written_exactly_in_the_greatest_unit_that_is_short(count: int, want: str) -> None:
    assert quantities.format_memory(count) == want


@pytest.mark.parametrize(
    ("count", "readable", "exact", "whole"),
    [
        (1503238554, "1.4Gi", "1.4Gi", "1434Mi"),
        (398123456, "380Mi", "398123456", "380Mi"),
        (512_000_000, "512M", "512M", "512M"),
        (1500 * 2**10, "2Mi", "1500Ki", "2Mi"),
        (4096, "4Ki", "4Ki", "1Mi"),
        (999, "999", "999", "1Mi"),
    ],
)
def test_memory_that_no_unit_has_exactly_is_rounded_up_to_mebibytes(
    count: int, readable: str, exact: str, whole: str
) -> None:
    assert quantities.readable_memory(count) == readable
    assert quantities.exact_memory(count) == exact
    assert quantities.whole_memory(count) == whole


def test_beside_a_limit_there_is_no_more_room_than_its_spelling_has() -> None:
    assert quantities.room_beside(512_000_000) == 512_000_000
    assert quantities.room_beside(512_500_000) == 489 * 2**20
    assert quantities.room_beside(1503238554) == 1434 * 2**20


@pytest.mark.parametrize(
    ("text", "want"),
    [("1.4Gi", "1434Mi"), ("512M", "512M"), ("1.5Gi", "1.5Gi"), ("1536Mi", "1.5Gi"), ("100000001", "100000001")],
)
def test_memory_that_somebody_sets_is_a_whole_number_of_bytes(text: str, want: str) -> None:
    assert quantities.format_memory(quantities.settable_memory(text)) == want


@pytest.mark.parametrize(
    ("resource", "text", "want"),
    [
        ("cpu", "1500m", "1.5"),
        ("cpu", "0.25", "250m"),
        ("memory", "1503238553600m", "1.4Gi"),
        ("memory", "none", "none"),
    ],
)
def test_a_quantity_of_an_object_is_respelled_for_people(resource: str, text: str, want: str) -> None:
    assert quantities.respelled(resource, text) == want


@given(st.integers(min_value=0, max_value=2**31))
def test_cpu_survives_a_round_trip(millicores: int) -> None:
    assert quantities.cpu_millicores(quantities.format_cpu(millicores)) == millicores


@given(st.integers(min_value=0, max_value=2**62) | st.integers(0, 2**20).map(lambda count: count * 2**20))
def test_memory_survives_a_round_trip(count: int) -> None:
    assert quantities.memory_bytes(quantities.format_memory(count)) == count
    assert quantities.memory_bytes(quantities.exact_memory(count)) == count
    assert 0 <= quantities.memory_bytes(quantities.whole_memory(count)) - count < 2**20
