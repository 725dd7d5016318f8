from __future__ import annotations

from pathlib import Path

import pytest

from kubedoor.collection.prometheus.access import Access
from kubedoor.errors import InvalidInput, PrometheusRefused


@pytest.mark.parametrize(
    ("url", "want"),
    [
        pytest.param("http://prometheus:9090", "http://prometheus:9090", id="as it is"),
        pytest.param(" https://vm/select/0/prometheus/ ", "https://vm/select/0/prometheus", id="with a path"),
        pytest.param("http://prometheus:9090/api/v1/", "http://prometheus:9090", id="the API's path is ours"),
        pytest.param("http://[::1]:9090", "http://[::1]:9090", id="IPv6"),
        pytest.param("http://me:s3cret@prometheus:9090/x", "http://prometheus:9090/x", id="credentials are no address"),
    ],
)
def test_an_address_is_normalised(url: str, want: str) -> None:
    assert Access.checked(url).address == want


@pytest.mark.parametrize(
    "url",
    ["", "prometheus:9090", "ftp://x", "http://", "http://x:port", "http://x:0", "http://x/?a=s3cret", "http://x/#a"],
)
def test_an_invalid_address_is_refused_by_name(url: str) -> None:
    with pytest.raises(InvalidInput, match="write it like") as caught:
        Access.checked(url)
    assert caught.value.details["field"] == "prometheus_url"
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "token", "field"),
    [
        pytest.param({"X-Scope": "s3cret\nHost: x"}, "", "prometheus_headers", id="a line break"),
        pytest.param({"X Scope": "s3cret"}, "", "prometheus_headers", id="a space in a name"),
        pytest.param({"X-Scope": " s3cret"}, "", "prometheus_headers", id="a space before"),
        pytest.param({}, "s3cret\nHost: x", "prometheus_bearer_token", id="a token of two lines"),
        pytest.param({}, "s3cret密", "prometheus_bearer_token", id="a token not in ASCII"),
    ],
)
def test_an_invalid_header_value_is_refused_without_quoting_it(headers: dict[str, str], token: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Access.checked("http://x", headers=headers, bearer_token=token)
    assert caught.value.details["field"] == field
    assert "s3cret" not in str(caught.value)


def test_credentials_are_used_in_order(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of-the-file\n")
    file = str(tmp_path / "token")
    url = "http://of-url:p%40ss@x"
    assert Access.checked(url, bearer_token=" given ", bearer_token_file=file).authorization() == "Bearer given"
    assert Access.checked(url, bearer_token_file=file, username="me").authorization() == "Bearer of-the-file"
    assert Access.checked(url, username="me", password="密").authorization() == "Basic bWU65a+G"
    assert Access.checked(url, username="me").authorization() == "Basic bWU6"
    assert Access.checked(url).authorization() == "Basic b2YtdXJsOnBAc3M="
    assert Access.checked("http://x").authorization() == ""


@pytest.mark.parametrize("content", [None, b"", b"a\nb", b"\xff"])
def test_a_token_file_without_a_token_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PrometheusRefused, match="the token file"):
        Access.checked("http://x", bearer_token_file=str(file)).authorization()


def test_the_repr_holds_no_secret() -> None:
    access = Access.checked("http://me:s3cret@x", bearer_token="s3cret", headers={"X-Key": "s3cret"})
    assert "s3cret" not in repr(access)
