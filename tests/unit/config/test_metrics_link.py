"""The link to people's own Grafana or Prometheus: checked at start, filled for one container and time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kubedoor.config import settings
from kubedoor.config.metrics_link import filled, template
from kubedoor.errors import SettingsError
from kubedoor.model.values import WorkloadKey
from tests.support.cluster_lists import load

KEY = WorkloadKey("prod & test", "shop", "web")
BEGIN, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
GRAFANA = "https://grafana.test/d/pods?var-cluster={cluster}&var-pod={deployment}-.*&from={from}&to={to}"
PROMETHEUS = "http://prometheus.test:9090/query?g0.expr=up%7Bnamespace%3D%22{namespace}%22,c={container}%7D&g0.range_input={days}d&g0.end_input={end}"


def test_values_are_percent_encoded() -> None:
    assert filled(template(GRAFANA), KEY, "app", BEGIN, END) == (
        "https://grafana.test/d/pods?var-cluster=prod%20%26%20test&var-pod=web-.*&from=1793491200000&to=1795768200000"
    )
    assert filled(template(PROMETHEUS), KEY, "app", BEGIN, END) == (
        "http://prometheus.test:9090/query?g0.expr=up%7Bnamespace%3D%22shop%22,c=app%7D"
        "&g0.range_input=26d&g0.end_input=2026-11-27%2008%3A30%3A00"
    )


WRONG = {
    "an unknown placeholder": ("https://g/?a={pod}", "has {pod}: there are {cluster}"),
    "PromQL as it is": ('https://g/?expr=up{a="b"}', 'has {a="b"}'),
    "a single brace": ("https://g/?expr=up%7B}", "has a single brace"),
    "a script": ("javascript:alert('{namespace}')", "must be a URL that begins with http:// or https://"),
    "a host that changes": ("https://{cluster}.test/", "has a placeholder or a user in its host"),
    "a password": ("https://u:p@g/", "has a placeholder or a user in its host"),
    "a space": ("https://g/?expr=up and up", "has a space"),
}


@pytest.mark.parametrize(("raw", "problem"), WRONG.values(), ids=WRONG)
def test_what_is_no_such_link_is_refused_at_start(raw: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load({"KUBEDOOR_METRICS_LINK": raw})
    assert "KUBEDOOR_METRICS_LINK" in str(caught.value)
    assert problem in str(caught.value)


def test_a_cluster_with_another_prometheus_takes_over_a_link_that_names_the_cluster_only() -> None:
    own = "[{name: west, prometheus: {url: 'http://west'}}, {name: north, metrics_link: 'https://n/?ns={namespace}'}]"
    found = {
        name: load(own, KUBEDOOR_METRICS_LINK=GRAFANA).for_cluster(name).metrics_link for name in ("west", "north")
    }
    assert found == {"west": GRAFANA, "north": "https://n/?ns={namespace}"}
    assert load(own, KUBEDOOR_METRICS_LINK="https://g/?ns={namespace}").for_cluster("west").metrics_link == ""
