"""States of Deployments as read from manifests."""

from __future__ import annotations

import pytest

from kubedoor.admission.deployment_state import state_of
from kubedoor.asked import ANNOTATION
from kubedoor.model.deployments import DeploymentContainer, DeploymentState
from kubedoor.model.values import Resources
from tests.support.builders import make_container, make_deployment

MI = 2**20


def sized(asked: str, **fields: object) -> dict[str, object]:
    manifest = make_deployment(**fields)  # type: ignore[arg-type]
    manifest["metadata"]["annotations"] = {ANNOTATION: asked}
    return manifest


def test_without_the_annotation_what_runs_was_asked() -> None:
    app = make_container(requests={"cpu": "0.25", "memory": "1G"}, limits={"cpu": "1"})
    runs = Resources(250, 10**9, 1000, None)
    assert state_of(make_deployment(replicas=7, containers=[app])) == DeploymentState(
        "shop", "web", 7, (DeploymentContainer("app", False, runs, runs),), False
    )


def test_the_annotation_says_what_was_asked_and_what_was_not() -> None:
    manifest = sized(
        "app:requests.cpu=500m,limits.memory=1Gi;gone:requests.cpu=1;proxy:",
        containers=[make_container(requests={"cpu": "100m", "memory": "64Mi"}), make_container("new")],
        initContainers=[
            make_container("setup", requests={"cpu": "9"}),
            make_container("proxy", requests={"cpu": "20m"}, restartPolicy="Always"),
        ],
    )
    assert state_of(manifest) == DeploymentState(
        "shop",
        "web",
        2,
        (
            DeploymentContainer(
                "app", False, Resources(500, None, None, 1024 * MI), Resources(100, 64 * MI, None, None)
            ),
            DeploymentContainer("new", False, Resources(), Resources()),
            DeploymentContainer("proxy", True, Resources(), Resources(20)),
        ),
        True,
        init_containers=("setup", "proxy"),
    )


def test_an_annotation_that_cannot_be_read_says_nothing() -> None:
    state = state_of(sized("app: 500m"))
    assert (state.is_sized, state.containers[0].asked) == (False, state.containers[0].runs)


@pytest.mark.parametrize(
    ("quantity", "cpu", "memory"),
    [
        ("9E", 2**32 - 1, 9 * 10**18),
        ("5000000", 2**32 - 1, 5_000_000),
        ("1e30", 2**32 - 1, 2**63 - 1),
        ("-1", 0, 0),
        ("-1e30", 0, 0),
        ("100u", 1, 1),
        ("nonsense", None, None),
    ],
)
def test_a_quantity_beyond_the_columns_is_the_largest(quantity: str, cpu: int | None, memory: int | None) -> None:
    app = make_container(requests={"cpu": quantity, "memory": quantity})
    (container,) = state_of(make_deployment(containers=[app])).containers
    assert (container.runs.cpu_request_millicores, container.runs.memory_request_bytes) == (cpu, memory)


@pytest.mark.parametrize("spec", [None, {}, {"template": None}, {"template": {"spec": {"containers": None}}}])
def test_a_deployment_without_containers_has_a_state(spec: object) -> None:
    state = state_of({"metadata": {"namespace": "shop", "name": "web"}, "spec": spec})
    assert (state.replicas, state.containers, state.is_sized) == (1, (), False)
