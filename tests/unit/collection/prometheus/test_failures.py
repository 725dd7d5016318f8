from __future__ import annotations

import json

import pytest

from kubedoor.collection.prometheus.error_answers import ErrorAnswer
from kubedoor.collection.prometheus.failures import Failure, classify, is_limit_warning

GRPC = "rpc error: code = ResourceExhausted desc = "
TOO_LARGE = [
    # Prometheus
    (422, "execution", "query processing would load too many samples into memory in query execution"),
    (422, "execution", "expanding series: remote_read: exceeded sample limit (50000000)"),
    (503, "timeout", "query timed out in expression evaluation"),
    (503, "timeout", "query timed out in query queue"),
    (
        400,
        "bad_data",
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution",
    ),
    (422, "execution", "expanding series: context deadline exceeded"),
    # gRPC between the parts of Mimir, Cortex and Thanos
    (500, "internal", f"{GRPC}grpc: received message larger than max (7649243 vs. 4194304)"),
    (500, "internal", f"{GRPC}grpc: trying to send message larger than max (133997632 vs. 104857600)"),
    (500, "internal", f"{GRPC}grpc: received message after decompression larger than max (7649243 vs. 4194304)"),
    (500, "", "response larger than the max message size (133997632 vs 104857600)"),
    (422, "execution", f"expanding series: {GRPC}grpc: received message larger than max (7649243 vs. 4194304)"),
    (429, "", f"{GRPC}grpc: received message larger than max (7649243 vs. 4194304)"),
    # Cortex, Mimir, Grafana Cloud
    (500, "internal", "exceeded series limit: limit 5000 violated"),
    (
        500,
        "internal",
        f"failed to receive series from 10.0.35.137:9095: {GRPC}fetch series for block 01GX: {GRPC}exceeded series limit:"
        " rpc error: code = Code(422) desc = limit 12000 violated (got 12704)",
    ),
    (422, "execution", "exceeded chunks limit: rpc error: code = Code(422) desc = limit 2000 violated (got 2001)"),
    (422, "execution", "exceeded bytes limit: rpc error: code = Code(422) desc = limit 2000 violated (got 2001)"),
    (400, "bad_data", "the query time range exceeds the limit (query length: 24h, limit: 12h)"),
    (422, "execution", "expanding series: the query hit the max number of series limit (limit: 100000 series)"),
    (
        400,
        "",
        "the query hit the max number of chunks limit while fetching chunks from ingesters for {…} (limit: 2000000)",
    ),
    (422, "execution", "the query hit the aggregated chunks size limit (limit: 100 bytes)"),
    (422, "execution", "the query hit the aggregated data size limit (limit: 100 bytes)"),
    (
        422,
        "execution",
        "the query exceeded the maximum number of series (limit: 100000 series) (err-mimir-max-series-per-query). Consider"
        " reducing the time range and/or number of series selected by the query. One way to reduce the number of selected"
        " series is to add more label matchers to the query. Otherwise, to adjust the related per-tenant limit, configure"
        " -querier.max-fetched-series-per-query, or contact your service administrator.",
    ),
    (422, "execution", "the query exceeded the aggregated chunks size limit (err-mimir-max-chunks-bytes-per-query)"),
    (
        422,
        "execution",
        "the query exceeded the maximum allowed estimated amount of memory consumed by a single query (limit: 1073741824"
        " bytes) (err-mimir-max-estimated-memory-consumption-per-query)",
    ),
    (
        422,
        "",
        "the total query time range exceeds the limit (query length: 800h, limit: 720h) (err-mimir-max-total-query-length)",
    ),
    (413, "", "response larger than the max (181673024 vs 52428800)"),
    # Thanos
    (500, "", f"expanding series: proxy Series(): {GRPC}exceeded series limit: limit 1 violated (got 2)"),
    (500, "internal", "resource exhausted"),
    (422, "execution", "expand matchers: bytes limit exceeded while fetching postings: limit 10 violated (got 20)"),
    (500, "", "exceeded samples limit: limit 10 violated (got 20)"),
    # VictoriaMetrics
    (
        422,
        "422",
        "cannot select more than -search.maxSamplesPerQuery=1000 samples; possible solutions: increase the"
        " -search.maxSamplesPerQuery; reduce time range for the query",
    ),
    (
        400,
        "",
        "the number of matching timeseries exceeds 300000; either narrow down the search or increase -search.max*"
        " command-line flag values at vmselect (the most likely limit is -search.maxUniqueTimeseries)",
    ),
    (503, "503", "the number of matching unique timeseries exceeds 30000; either narrow down the search"),
    (
        422,
        "422",
        "not enough memory for processing the query, which returns 90000 data points across 1000 time series with 90 points"
        " in each time series according to -search.maxMemoryPerQuery=100; requested memory: 1000 bytes",
    ),
    (
        500,
        "",
        "not enough memory for processing the query; total available memory for concurrent requests: 1000 bytes; requested"
        " memory: 2000 bytes; possible solutions: reducing the number of matching time series",
    ),
    (503, "503", "timeout exceeded during query execution: 30.000 seconds"),
    (
        503,
        "503",
        "cannot fetch query results from vmstorage nodes: cannot perform search on vmstorage a:8401: request timeout reached:"
        " 30.000 seconds (elapsed 31.000 seconds); the timeout can be adjusted with `-search.maxQueryDuration` command-line flag",
    ),
    (
        503,
        "503",
        "cannot fetch query results from vmstorage nodes: cannot perform search on vmstorage a:8401: the number of matching"
        " timeseries exceeds 3",
    ),
    (400, "", "too many points for the given start=1 and step=5000: 541; the maximum number of points is 500"),
    (422, "422", "too long query; got 20000 bytes; mustn't exceed `-search.maxQueryLen=16384` bytes"),
    (422, "422", "cannot process more than -search.maxResponseSeries=10 time series"),
    # Google, Amazon, Azure
    (
        500,
        "internal",
        "expanding series: generic::aborted: User X has requested 5853MiB of memory for processing queries on one Monarch node"
        " (limit 5847MiB), refusing to grant further memory for this query.",
    ),
    (400, "bad_data", "too many time series: 200000 (limit 100000)"),
    (429, "resource_exhausted", "query would return too many data points"),
    (400, "resource_exhausted", "expanding series: generic::resource_exhausted"),
    (503, "", "query processing would load too many samples into memory in query execution"),
    (400, "", "the query time range exceeds the limit of 32 days"),
    (422, "", "The query exceeded the limit of 500000 time series"),
    # any other
    (500, "", "expanding series: exceeded limit"),
    (400, "", "query cost limit exceeded"),
    (500, "", "query exceeds the allowed limit"),
    (500, "", "maxSamplesPerQuery"),
    (400, "", "query result too big"),
    (500, "", "max series per query reached"),
    # gateways
    (413, "", ""),
    (500, "", "http: request body too large"),
    (504, "timeout", "context deadline exceeded"),
]
BUSY = [
    (429, "", ""),
    (502, "", ""),
    (503, "", ""),
    (503, "unavailable", "TSDB not ready"),
    (429, "", "too many outstanding requests"),
    (
        429,
        "",
        "the request has been rejected because the tenant exceeded the request rate limit (err-mimir-tenant-max-request-rate)",
    ),
    (429, "", "max number of concurrent queries"),
    (429, "", "rate limit exceeded"),
    (429, "too_many_requests", "the query exceeded the rate limit of the tenant"),
    (500, "", "rate-limited: limit of 10 requests per second exceeded"),
    (429, "resource_exhausted", "Resource has been exhausted (e.g. check quota)."),
    (
        429,
        "RESOURCE_EXHAUSTED",
        "Quota exceeded for quota metric 'Time series queries' and limit 'Time series queries per minute'",
    ),
    (
        503,
        "503",
        "couldn't start executing the request in 10.000 seconds, since -search.maxConcurrentRequests=16 concurrent requests are"
        " executed. Possible solutions: to increase -search.maxQueueDuration=10s; to increase -search.maxQueryDuration",
    ),
    (
        500,
        "internal",
        "expanding series: generic::aborted: invalid status monarch::220: Cancelled due to the number of queries whose"
        " evaluation is blocked waiting for memory is 502, which is equal to or greater than the limit of 500.",
    ),
    (400, "ThrottlingException", "Rate exceeded: request throttled"),
]
STORES_AWAY = [
    (
        422,
        "execution",
        "expanding series: proxy Series(): rpc error: code = Aborted desc = receive series from Addr: 10.0.0.1:10901: rpc error:"
        ' code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp: i/o timeout"',
    ),
    (
        422,
        "422",
        "error occured during search: cannot fetch query results from vmstorage nodes: cannot perform search on vmstorage"
        " 10.216.0.219:8401: cannot obtain connection from a pool: cannot dial 10.216.0.219:8401: connect: no route to host",
    ),
    (
        503,
        "503",
        "cannot fetch query results from vmstorage nodes: cannot perform search on vmstorage vmstorage-1:8401",
    ),
    (422, "422", "cannot return full response, since some of vmstorage nodes are unavailable"),
    (500, "internal", "at least 2 live replicas required, could only find 1"),
    (500, "internal", "too many unhealthy instances in the ring"),
]
OTHER = [
    (400, "bad_data", 'invalid parameter "query": 1:230: parse error: unexpected end of input'),
    (400, "bad_data", 'invalid parameter "start": cannot parse "x" to a valid timestamp'),
    (400, "bad_data", "end timestamp must not be before start time"),
    (400, "bad_data", "zero or negative query resolution step widths are not accepted. Try a positive integer"),
    (422, "execution", 'parse error: unknown function with name "limitk"'),
    (400, "bad_data", "generic::invalid_argument: only exact match on __name__ is supported"),
    (400, "", 'Invalid JSON payload received. Unknown name "partial_response": Cannot bind query parameter.'),
    (500, "internal", "runtime error: invalid memory address or nil pointer dereference"),
    (500, "", ""),
    (500, "internal", "the number of retries has been exceeded"),
    (404, "", "404 page not found"),
    (405, "", "Method Not Allowed"),
]
SLOW = [
    (504, "", ""),
    (504, "", "context deadline exceeded"),
    (504, "", "upstream request timeout"),
    (408, "", ""),
    (524, "", ""),
]


@pytest.mark.parametrize(
    ("status", "kind", "text", "want"),
    [
        (*case, want)
        for want, cases in (
            (Failure.TOO_LARGE, TOO_LARGE),
            (Failure.BUSY, BUSY),
            (Failure.STORES_AWAY, STORES_AWAY),
            (Failure.OTHER, OTHER),
            (Failure.SLOW, SLOW),
        )
        for case in cases
    ],
)
def test_a_failure_is_classified_by_what_the_backend_says(status: int, kind: str, text: str, want: Failure) -> None:
    assert classify(status, kind, text) is want


@pytest.mark.parametrize(
    ("warning", "is_limit"),
    [
        (
            f"receive series from Addr: 10.0.0.1:10901: {GRPC}exceeded series limit: limit 5000 violated (got 5001)",
            True,
        ),
        (f"fetch series for block 01GX: {GRPC}exceeded chunks limit: limit 5000 violated (got 5001)", True),
        ("resource exhausted", True),
        ("results truncated due to limit", True),
        ("No StoreAPIs matched for this query", False),
        ('rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing"', False),
        ("no store", False),
    ],
)
def test_a_warning_of_a_limit_is_told_from_one_of_a_store_that_is_away(warning: str, is_limit: bool) -> None:
    assert is_limit_warning(warning) is is_limit


def parsed(body: bytes, *, status: int = 500, content_type: str = "application/json", **options: object) -> ErrorAnswer:
    fields: dict[str, object] = {"query": "", "retry_after": "", "now": 0.0, **options}
    return ErrorAnswer.parsed(status, body, content_type=content_type, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "content_type", "want"),
    [
        (b'{"status":"error","errorType":"internal","error":"a\\n b"}', "application/json", ("internal", "a b")),
        (b'{"message":"Missing Authentication Token"}', "application/json", ("", "Missing Authentication Token")),
        (b'{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}', "", ("RESOURCE_EXHAUSTED", "m")),
        (b'[{"error":{"code":429,"message":"m"}}]', "application/json", ("429", "m")),
        (
            b"the query hit the max number of series limit",
            "text/plain; charset=utf-8",
            ("", "the query hit the max number of series limit"),
        ),
        (b"<html>too many samples</html>", "text/html", ("", "")),
        (b"  <!doctype html>", "", ("", "")),
        (b"[1]", "application/json", ("", "")),
        (b"1", "application/json", ("", "")),
    ],
)
def test_the_message_of_every_backend_is_found(body: bytes, content_type: str, want: tuple[str, str]) -> None:
    answer = parsed(body, content_type=content_type)
    assert (answer.kind, answer.text) == want


def test_a_quoted_query_is_no_part_of_the_message() -> None:
    query = 'rate(x{namespace="too-many-samples|no-such-host"}[5m])'
    escaped = query.replace('"', '\\"')
    text = f'error when executing query="{escaped}": cannot evaluate {query}: because'
    answer = parsed(json.dumps({"error": text}).encode(), query=query)
    assert answer.text == 'error when executing query="…": cannot evaluate …: because'


def test_a_long_message_keeps_its_end_where_the_cause_is() -> None:
    error = parsed(json.dumps({"error": "a" * 1000 + " the cause"}).encode()).error("http://p")
    assert len(error.message) < 400
    assert error.message.endswith("the cause")


@pytest.mark.parametrize(
    ("retry_after", "want"),
    [
        ("", 0),
        ("7", 7),
        ("Thu, 01 Jan 1970 00:00:30 GMT", 30),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("soon", 0),
        ("nan", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(retry_after: str, want: float) -> None:
    assert parsed(b"", status=429, retry_after=retry_after).retry_after_seconds == want


@pytest.mark.parametrize(
    ("address", "status", "text", "says"),
    [
        (
            "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-0123",
            403,
            "Missing Authentication Token",
            "aws-sigv4-proxy",
        ),
        ("https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-0123", 403, "", "aws-sigv4-proxy"),
        ("https://metrics.example.com", 403, "Missing Authentication Token", "aws-sigv4-proxy"),
        ("https://x.westeurope.prometheus.monitor.azure.com", 401, "", "Microsoft Entra"),
        ("https://monitoring.googleapis.com/v1/projects/p/location/global/prometheus", 401, "", "frontend"),
        ("https://prometheus.example.com", 401, "Unauthorized", "check token, user and tenant"),
    ],
)
def test_refused_credentials_say_what_to_put_in_front(address: str, status: int, text: str, says: str) -> None:
    message = ErrorAnswer(status, "", text).error(address).message
    assert f"refuses the credentials ({status})" in message
    assert says in message
