"""The annotation that keeps what an owner asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubedoor.asked import ANNOTATION, FIELDS, asked_of, format_asked, parse_asked, requirements
from tests.support.builders import make_container, make_deployment

TEXT = "app:requests.cpu=500m,requests.memory=512Mi,limits.cpu=1;istio-proxy:"
ASKED = {"app": {"requests.cpu": "500m", "requests.memory": "512Mi", "limits.cpu": "1"}, "istio-proxy": {}}

names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,6}[a-z0-9])?", fullmatch=True)
amounts = st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,3})?(m|Mi|Gi|e3|u)?", fullmatch=True)
texts = st.dictionaries(names, st.dictionaries(st.sampled_from(FIELDS), amounts), min_size=1)


def test_it_is_readable() -> None:
    assert format_asked(ASKED) == TEXT
    assert parse_asked(TEXT) == ASKED


@given(texts)
def test_what_is_written_is_read(asked: dict[str, dict[str, str]]) -> None:
    assert parse_asked(format_asked(asked)) == asked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "app",
        "app:;",
        "app:requests.cpu",
        "app:requests.cpu=",
        "app:requests.cpu=much",
        "app:requests.gpu=1",
        "app:requests.cpu=1,requests.cpu=2",
        "app:;app:",
        "App:requests.cpu=1",
        "app:requests.cpu=1, limits.cpu=2",
        "app:\n",
    ],
)
def test_a_text_that_was_edited_by_hand_and_cannot_be_read_claims_nothing(text: str) -> None:
    assert parse_asked(text) is None


def test_a_deployment_without_the_annotation_claims_nothing() -> None:
    manifest = make_deployment()
    assert asked_of(manifest) is None
    manifest["metadata"]["annotations"] = None
    assert asked_of(manifest) is None
    manifest["metadata"]["annotations"] = {ANNOTATION: TEXT}
    assert asked_of(manifest) == ASKED


def test_requirements_are_those_of_containers_that_run_as_long_as_the_pod() -> None:
    gpu = {"nvidia.com/gpu": "1"}
    manifest = make_deployment(
        containers=[make_container("b", requests={"cpu": "0.5", **gpu}, limits=gpu), make_container("a")],
        initContainers=[
            make_container("migrate", requests={"cpu": "1"}),
            make_container("proxy", restartPolicy="Always", limits={"memory": "1e9"}),
        ],
    )
    assert requirements(manifest) == {"b": {"requests.cpu": "0.5"}, "a": {}, "proxy": {"limits.memory": "1e9"}}
    assert list(requirements(manifest)) == ["b", "a", "proxy"]
    assert requirements({}) == {}
