"""Conditions that come from what else acts on the pods: autoscalers, and their class of quality of service. Pure."""

from __future__ import annotations

from kubedoor.model.cluster_facts import FactKind, HpaTarget
from kubedoor.model.conditions import LIMITS, REQUESTS, RESOURCE_FIELDS, ConditionType, Withheld
from kubedoor.sentences import sentence
from kubedoor.sizing.assessment import LIMIT_OF, REQUEST_OF, Assessment, written
from kubedoor.sizing.options import MEBIBYTE

VPA_OFF = "Off"
"""The only mode of a VPA that does not act: Auto, Recreate, Initial, InPlaceOrRecreate do."""


def autoscaled(one: Assessment) -> None:
    """An HPA divides usage by the request: a request that follows usage makes it scale out, and the next one again."""
    target = _hpa_target(one)
    if target is None or one.options.hpa_requests == "control":
        return
    for resource, percent in (("cpu", target.cpu_percent), ("memory", target.memory_percent)):
        if percent is None and target.is_known:
            continue
        name = REQUEST_OF[resource]
        if percent and one.options.hpa_requests == "target":
            for container in one.values:
                if (amount := one.amount(container, name)) is not None:
                    request = -(-amount * 100 // percent)
                    request = -(-request // MEBIBYTE) * MEBIBYTE if resource == "memory" else request
                    one.move(container, name, request, sentence("sizing.hpa_target", percent=percent))
            continue
        aim = f"{percent} % of the {resource} request" if percent else f"what nobody could read, perhaps {resource}"
        one.add(
            ConditionType.HORIZONTAL_POD_AUTOSCALER,
            "ScalesOnUtilization" if percent else "TargetUnknown",
            f"A HorizontalPodAutoscaler scales it on {aim}: a request that follows usage would scale it again.",
            withholds=tuple(Withheld(container, name) for container in one.values),
            resource=resource,
            percent=percent or 0,
        )


def _hpa_target(one: Assessment) -> HpaTarget | None:
    """None: no HPA, as far as anybody knows."""
    if (found := one.facts.hpas.get(one.name)) is not None:
        return found
    if not one.collected.hpa:
        return None
    # Listed for the workload by the metrics of a day, but not by what says the targets.
    return None if FactKind.HPAS in one.facts.known else HpaTarget(is_known=False)


def vertical(one: Assessment) -> None:
    mode = one.facts.vpas.get(one.name, VPA_OFF)
    if mode == VPA_OFF:
        return
    one.add(
        ConditionType.VERTICAL_POD_AUTOSCALER,
        "AnotherSizes",
        f"A VerticalPodAutoscaler in mode {mode} sizes its pods: what they ask for is not what the Deployment says.",
        withholds=tuple(Withheld(container, name) for container in one.values for name in RESOURCE_FIELDS),
        mode=mode,
    )


def _is_guaranteed(one: Assessment) -> bool:
    """Every container of today's pods asks for CPU and memory, and for no more than it is allowed."""
    return all(
        (asked := one.found(container, request)) and asked == one.found(container, limit)
        for container in one.evidence.current
        for request, limit in zip(REQUESTS, LIMITS, strict=True)
    )


def guaranteed(one: Assessment) -> None:
    if not _is_guaranteed(one):
        return
    differing = [
        (container, resource)
        for container in one.evidence.current
        for resource in REQUEST_OF
        if one.amount(container, REQUEST_OF[resource]) != one.amount(container, LIMIT_OF[resource])
    ]
    if not differing:
        return
    if one.options.guaranteed_qos == "keep":
        for container, resource in differing:
            _move_together(one, container, resource)
        return
    container, resource = differing[0]
    asked = written(REQUEST_OF[resource], one.found(container, REQUEST_OF[resource]))
    one.add(
        ConditionType.GUARANTEED_QOS,
        "ClassWouldBeLost",
        f"Its pods are Guaranteed ({resource} of {container}: {asked} asked and allowed), and a lower request alone would"
        " make them Burstable.",
        withholds=tuple(Withheld(name, item) for name in one.values for item in RESOURCE_FIELDS),
        container=container,
        resource=resource,
        asked=asked,
    )


def _move_together(one: Assessment, container: str, resource: str) -> None:
    """Both become what was used at most: what is cut to its P95 by its limit would be throttled or killed."""
    own = one.evidence.of_container(container)
    name, limit_name = REQUEST_OF[resource], LIMIT_OF[resource]
    if resource == "cpu":
        most = max(row.cpu_quantiles_millicores[-1] for row in own)
    else:
        most = -(-max(row.memory_max_bytes for row in own) // MEBIBYTE) * MEBIBYTE
    # A moment above the limit, by CPU bursts or the arithmetic of rates, is no reason to raise it.
    amount = min(max(most, one.amount(container, name) or 0), one.found(container, limit_name) or most)
    one.move(container, limit_name, amount, sentence("sizing.moves_with_request"))
    one.move(container, name, amount, sentence("sizing.limit_maximum"))
