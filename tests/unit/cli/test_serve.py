"""What `serve` says when it is up."""

from __future__ import annotations

from kubedoor.cli.serve import welcome
from kubedoor.config import clusters


def test_the_address_of_prometheus_is_shown_without_its_password() -> None:
    text = welcome(
        clusters.load({"KUBEDOOR_PROMETHEUS_URL": "https://admin:hunter2@vm.example.com:8481/select/0/prometheus"})
    )
    assert "usage from      https://vm.example.com:8481/select/0/prometheus" in text
    assert "hunter2" not in text
    assert "admin" not in text


def test_the_address_of_the_store_is_not_shown_at_all() -> None:
    assert "hunter2" not in welcome(clusters.load({"KUBEDOOR_STORE_DSN": "https://u:hunter2@db:8443/kubedoor"}))


def test_sample_data_are_called_so() -> None:
    assert "SAMPLE DATA" in welcome(clusters.load({}))
