from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubedoor.collection.prometheus import json_stream
from kubedoor.collection.prometheus.json_stream import QueryResult, instant_value
from kubedoor.errors import PrometheusNotUnderstood

STEADY = settings(derandomize=True, deadline=None)
SERIES = [
    {"metric": {"pod": "汽车-1", "note": 'a "quoted" \\ one'}, "values": [[1719000000, "0.25"], [1719000060, "NaN"]]},
    {"metric": {}, "values": []},
    {"metric": {"pod": "b]}"}, "value": [1719000000.123, "1e3"]},
]


def envelope(**more: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": "matrix", "result": SERIES}, **more}


def read(text: str | bytes, size: int = 7) -> tuple[list[dict[str, Any]], QueryResult]:
    body = text if isinstance(text, bytes) else text.encode()
    answer = QueryResult([body[start : start + size] for start in range(0, len(body), size)])
    return list(answer.series()), answer


@STEADY
@given(st.integers(1, 400), st.sampled_from([None, 2]))
def test_series_do_not_depend_on_where_the_answer_is_cut_into_chunks(size: int, indent: int | None) -> None:
    series, _ = read(json.dumps(envelope(), ensure_ascii=False, indent=indent), size)
    assert series == SERIES


HISTOGRAM = [1719000000, {"count": "1", "sum": "2", "buckets": [[0, "1", "2", "3"]]}]
CURVES = [
    {"metric": {"pod": "a", "note": ',"values":[[1,"2"]]}'}, "values": [[1719000000, "0.25"], [1719000060.5, "-3"]]},
    {"metric": {"pod": "汽车"}, "values": [[1719000000, "1e-07"], [1719000060, "18446744073709551615"]]},
    {"metric": {"pod": "b"}, "values": [[1719000000, "NaN"], [1719000060, "+Inf"]]},
    {"metric": {"pod": "only a histogram"}, "histograms": [HISTOGRAM]},
    {"metric": {}, "values": [[1719000000, "1"]], "histograms": [HISTOGRAM]},
    {"metric": {}, "values": []},
    {"metric": {"pod": "c"}, "values": [[1719000000, "4"]]},
    {"values": [[1719000000, "5"]], "metric": {"pod": "another order"}},
    {"metric": {"pod": "uneven"}, "values": [[1719000000, "4"], [1719000060, "5", "6"]]},
    {"metric": {"pod": "no pairs"}, "values": [[1719000000], ["4"]]},
]


def in_pairs(series: dict[str, Any]) -> dict[str, Any]:
    """With its samples as numbers: in pairs where they are flat."""
    if "numbers" in series:
        flat = iter(series["numbers"])
        return {
            "metric": series["metric"],
            "values": [[at, float(value)] for at, value in zip(flat, flat, strict=True)],
        }
    return {**series, "values": [[point[0], *map(float, point[1:])] for point in series.get("values", [])]}


@STEADY
@given(st.integers(1, 900), st.permutations(CURVES), st.sampled_from([None, 2]))
def test_curves_are_the_same_however_they_are_decoded(
    size: int, curves: list[dict[str, Any]], indent: int | None
) -> None:
    document = {"status": "success", "data": {"resultType": "matrix", "result": curves}}
    body = json.dumps(document, ensure_ascii=False, indent=indent, separators=(",", ":")).encode()
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    found = list(QueryResult(chunks, has_curves=True).series())
    assert repr([in_pairs(one) for one in found]) == repr([in_pairs(one) for one in curves])


def test_plain_curves_are_decoded_flat() -> None:
    document = {"status": "success", "data": {"result": CURVES[:3]}}
    body = json.dumps(document, separators=(",", ":")).encode()
    found = list(QueryResult([body], has_curves=True).series())
    assert [sorted(one) for one in found] == [["metric", "numbers"], ["metric", "numbers"], ["metric", "values"]]
    assert found[0]["numbers"] == [1719000000, 0.25, 1719000060.5, -3]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            '{"status":"success","isPartial":true,"warnings":["w"],"data":{"resultType":"matrix","result":[]}}',
            id="VictoriaMetrics",
        ),
        pytest.param(
            '{"data":{"result":[],"resultType":"matrix","stats":{"a":[1]}},"isPartial":true,"warnings":["w"],'
            '"infos":["i"],"status":"success"}',
            id="everything else after the data",
        ),
        pytest.param(
            ' {\n"data" : { "result" : [ ] } , "stats":{"seriesFetched": "2","executionTimeMsec":12}, "isPartial": true,'
            '"trace":{"children":[{"a":[{}]}]},"warnings":["w"], "status" : "success" } \n',
            id="white space and a trace",
        ),
    ],
)
def test_keys_come_in_any_order(text: str) -> None:
    series, answer = read(text)
    assert (series, answer.warnings, answer.is_partial) == ([], ["w"], True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "ends in the middle", id="nothing"),
        pytest.param("<html>", "is not the JSON expected, at '<html>'", id="HTML"),
        pytest.param("[]", "is not the JSON expected", id="an array"),
        pytest.param("{}", "the status ''", id="an empty object"),
        pytest.param(
            '{"status":"error","error":"x"}', "the status 'error'", id="an error without an error's status code"
        ),
        pytest.param('{"status":"success","data":[]}', "`data` is not an object", id="no result"),
        pytest.param('{"status":"success","data":{"result":[1]}}', "no series where series", id="numbers for series"),
        pytest.param('{"status":"success","data":{"result":[{}', "ends in the middle", id="cut between series"),
        pytest.param(
            '{"status":"success","data":{"result":[{"metric":{"po', "is cut short or not JSON", id="cut in one"
        ),
        pytest.param('{"status":"success","data":{"result":[{}]}', "ends in the middle", id="cut before the end"),
        pytest.param(
            '{"status":"success","data":{"result":[{} {}]}}', "not the JSON expected, at '{}]}}'", id="no comma"
        ),
        pytest.param('{7:"success"}', "7 where a key should be", id="a key that is no string"),
        pytest.param("{" + '"data":' + "[" * 100_000, "not JSON|not an object", id="nested without end"),
        pytest.param('{"a":' + "[" * 100_000, "not JSON", id="nested without end, elsewhere"),
        pytest.param(b'{"status":"\xff"}', "not UTF-8", id="another encoding"),
        pytest.param(b'{"status":"success\xe6', "not UTF-8|cut short", id="cut in a character"),
    ],
)
def test_an_invalid_response_is_not_understood(text: str | bytes, says: str) -> None:
    with pytest.raises(PrometheusNotUnderstood, match=says):
        read(text, size=4096)


def test_one_series_may_not_take_all_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "MAX_VALUE_CHARACTERS", 1000)
    taken = 0

    def endless() -> Any:
        nonlocal taken
        yield b'{"status":"success","data":{"result":["'
        while True:
            taken += 100
            yield b"x" * 100

    with pytest.raises(PrometheusNotUnderstood):
        list(QueryResult(endless()).series())
    assert taken < 10_000


def test_series_are_yielded_before_the_response_is_complete() -> None:
    def chunks() -> Any:
        yield b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"1"}},{"me'
        raise AssertionError("the second chunk was asked for before the first series was given out")

    assert next(QueryResult(chunks()).series()) == {"metric": {"a": "1"}}


def test_a_number_may_be_cut_in_two() -> None:
    _, answer = read('{"isPartial":true,"x":12345678,"status":"success"}', size=1)
    assert answer.status == "success"


def test_a_field_of_the_wrong_type_is_ignored() -> None:
    _, answer = read('{"status":"success","warnings":null,"isPartial":"yes","data":{"result":[]}}')
    assert (answer.warnings, answer.is_partial) == ([], False)


@pytest.mark.parametrize(
    "series",
    [{"metric": {}, "histogram": [1, {}]}, {"value": [1]}, {"value": [1, "many"]}, {"value": None}],
)
def test_a_series_without_a_value_is_not_understood(series: dict[str, Any]) -> None:
    with pytest.raises(PrometheusNotUnderstood):
        instant_value(series)
