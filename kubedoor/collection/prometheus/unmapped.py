"""Why a day has usage and no row: the likely cause, from what Prometheus has. Pure."""

from __future__ import annotations

from collections.abc import Mapping


def likely_cause(counts: Mapping[str, int], *, pods: int) -> str:
    """One sentence with what to do; empty: there is no usage at all, which is no fault of labels.

    `counts` are of queries.unmapped_samples; `pods` have samples with container labels.
    """
    usage, containers = counts.get("usage", 0), counts.get("containers", 0)
    renamed = [label for label in ("exported_namespace", "exported_pod") if counts.get(label)]
    if not usage and not pods:
        return ""
    if renamed and (pods or containers):
        return (
            f"{pods or containers} pods or containers have usage and belong to no Deployment: series of kube-state-metrics carry"
            f" {' and '.join(renamed)}, so their own labels were replaced by those of the scrape job: set honor_labels: true there"
        )
    if not containers and not pods:
        return (
            f"{usage} series of usage have no label container: scrape the kubelets' /metrics/cadvisor, and keep its labels"
            " namespace, pod and container"
        )
    return (
        f"{pods} pods have usage, and none is known to be a Deployment's: scrape kube-state-metrics (kube_pod_owner,"
        " kube_replicaset_owner), and check the labels namespace and pod of both"
    )
