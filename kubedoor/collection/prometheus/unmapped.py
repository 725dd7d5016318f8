"""Why a day has usage and no row: the likely cause, from what Prometheus has. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from kubedoor.sentences import NOTHING, Sentence, sentence


def likely_cause(counts: Mapping[str, int], *, pods: int) -> Sentence:
    """One sentence with what to do; empty: there is no usage at all, which is no fault of labels.

    `counts` are of queries.unmapped_samples; `pods` have samples with container labels.
    """
    usage, containers = counts.get("usage", 0), counts.get("containers", 0)
    renamed = [label for label in ("exported_namespace", "exported_pod") if counts.get(label)]
    if not usage and not pods:
        return NOTHING
    if renamed and (pods or containers):
        return sentence("prometheus.labels_replaced", pods=pods or containers, labels=" and ".join(renamed))
    if not containers and not pods:
        return sentence("prometheus.no_container_label", series=usage)
    return sentence("prometheus.no_owners", pods=pods)
