from __future__ import annotations

import pytest

from kubedoor.collection.ownership import Owner, Ownership, owner_by_pod_name

CART = Owner("cart", "cart-7d4b9c8f65")


@pytest.mark.parametrize(
    ("pod", "want"),
    [
        pytest.param("cart-7d4b9c8f65-x7k2p", CART, id="Deployment"),
        pytest.param("cart-v2-7d4b9c8f65-x7k2p", Owner("cart-v2", "cart-v2-7d4b9c8f65"), id="dash in the name"),
        pytest.param("cart-b86f49-x7k2p", Owner("cart", "cart-b86f49"), id="short hash"),
        pytest.param("cart.eu-7d4b9c8f65-x7k2p", Owner("cart.eu", "cart.eu-7d4b9c8f65"), id="dot in the name"),
        pytest.param("redis-0", None, id="StatefulSet"),
        pytest.param("redis-7d4b9c8f65-0", None, id="StatefulSet named like a ReplicaSet"),
        pytest.param("log-agent-x7k2p", None, id="DaemonSet"),
        pytest.param("backup-29384710-x7k2p", None, id="CronJob: 0, 1, 2 and 3 are in no hash"),
        pytest.param("import-x7k2p", None, id="Job"),
        pytest.param("debug", None, id="bare pod"),
        pytest.param("cart-7d4b9c8f65-x7k1p", None, id="1 is in no suffix"),
        pytest.param("cart-7d4b9c8f65-x7k2", None, id="suffix too short"),
        pytest.param("cart-7d4b9-x7k2p", None, id="hash too short"),
        pytest.param("cart-7d4b9c8f656-x7k2p", None, id="hash too long"),
        pytest.param("cart-7x4b9c8f65-x7k2p", None, id="x is in no hash"),
        pytest.param("-7d4b9c8f65-x7k2p", None, id="no name"),
        pytest.param(
            "a-name-of-58-characters-that-kubernetes-cut-in-the-ha7dx7k2p", None, id="cut short by Kubernetes"
        ),
        pytest.param("", None, id="empty"),
    ],
)
def test_a_pod_name_tells_its_deployment_or_nothing(pod: str, want: Owner | None) -> None:
    assert owner_by_pod_name(pod) == want
    assert Ownership().owner_of("shop", pod) == want


def owned(*, pod: tuple[str, str] | None, replicaset: tuple[str, str] | None) -> Ownership:
    ownership = Ownership()
    if pod:
        ownership.add_pod_owner("shop", "cart-7d4b9c8f65-x7k2p", *pod)
    if replicaset:
        ownership.add_replicaset_owner("shop", pod[1] if pod else "cart-7d4b9c8f65", *replicaset)
    return ownership


@pytest.mark.parametrize(
    ("pod_owner", "replicaset_owner", "want"),
    [
        pytest.param(("ReplicaSet", "cart-7d4b9c8f65"), ("Deployment", "cart"), CART, id="the chain"),
        pytest.param(("ReplicaSet", "odd"), ("Deployment", "cart"), Owner("cart", "odd"), id="names do not matter"),
        pytest.param(("ReplicaSet", "cart-7d4b9c8f65"), ("Rollout", "cart"), None, id="Argo Rollout"),
        pytest.param(("ReplicaSet", "cart-7d4b9c8f65"), ("<none>", "<none>"), None, id="bare ReplicaSet"),
        pytest.param(("StatefulSet", "cart-7d4b9c8f65"), None, None, id="StatefulSet with a Deployment's pod name"),
        pytest.param(("Job", "cart-7d4b9c8f65"), None, None, id="Job with a Deployment's pod name"),
        pytest.param(("<none>", "<none>"), None, None, id="bare pod with a Deployment's pod name"),
        pytest.param(("", ""), None, None, id="bare pod, as kube-state-metrics 2.5 and later say it"),
        pytest.param(("ReplicaSet", "cart-7d4b9c8f65"), None, CART, id="no kube_replicaset_owner: its name decides"),
        pytest.param(("ReplicaSet", "odd"), None, None, id="no kube_replicaset_owner and no hash in the name"),
        pytest.param(None, ("Rollout", "cart"), CART, id="no owner of the pod known: its name decides"),
    ],
)
def test_owner_series_decide_where_there_are_any(
    pod_owner: tuple[str, str] | None, replicaset_owner: tuple[str, str] | None, want: Owner | None
) -> None:
    assert owned(pod=pod_owner, replicaset=replicaset_owner).owner_of("shop", "cart-7d4b9c8f65-x7k2p") == want


def test_a_truncated_pod_name_is_solved_by_owner_series() -> None:
    pod, replicaset = "a-very-long-name-cut-off-7d4bx7k2p", "a-very-long-name-cut-off-7d4b9c8f65"
    ownership = Ownership()
    ownership.add_pod_owner("shop", pod, "ReplicaSet", replicaset)
    ownership.add_replicaset_owner("shop", replicaset, "Deployment", "a-very-long-name-cut-off")
    assert ownership.owner_of("shop", pod) == Owner("a-very-long-name-cut-off", replicaset)


def test_owners_of_another_namespace_do_not_count() -> None:
    ownership = owned(pod=("StatefulSet", "cart"), replicaset=None)
    assert ownership.owner_of("test", "cart-7d4b9c8f65-x7k2p") == CART


def test_of_several_owners_the_replicaset_with_a_deployment_counts() -> None:
    ownership = owned(pod=("ReplicaSet", "cart-7d4b9c8f65"), replicaset=("Deployment", "cart"))
    ownership.add_pod_owner("shop", "cart-7d4b9c8f65-x7k2p", "Operator", "carts")
    assert ownership.owner_of("shop", "cart-7d4b9c8f65-x7k2p") == CART
