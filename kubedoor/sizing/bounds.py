"""Moves values inside what the cluster admits: limits, LimitRanges, the largest node. Pure.

Sources: https://kubernetes.io/docs/concepts/policy/limit-range/ (each pod is checked, never the Deployment),
k8s.io/kubernetes plugin/pkg/admission/limitranger.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from kubedoor.model.cluster_facts import LimitRange
from kubedoor.model.conditions import ConditionType, Withheld
from kubedoor.model.values import Amount
from kubedoor.sentences import Sentence, sentence
from kubedoor.sizing.assessment import FIELD_WORDS, LIMIT_OF, REQUEST_OF, Assessment, written

_ATTRIBUTE = {"cpu": "cpu_millicores", "memory": "memory_bytes"}
_TOGETHER = " + "


def _of(amount: Amount, resource: str) -> int | None:
    found: int | None = getattr(amount, _ATTRIBUTE[resource])
    return found


def clamp_to_limits(one: Assessment) -> None:
    """A request above its limit would make the Deployment invalid."""
    for container in one.values:
        for resource, name in REQUEST_OF.items():
            limit, request = one.amount(container, LIMIT_OF[resource]), one.amount(container, name)
            if limit and request is not None and request > limit:
                one.move(container, name, limit, sentence("sizing.cut_to_limit", limit=written(name, limit)))


def fit_nodes(one: Assessment) -> None:
    """No value leaves that no node can hold. Without known nodes the settings' bounds count."""
    for resource in REQUEST_OF:
        node = _of(one.facts.largest_node, resource)
        bound = getattr(one.options, f"max_{_ATTRIBUTE[resource]}") if node is None else node
        is_cut = [_fit_node(one, container, resource, bound, is_node=node is not None) for container in one.values]
        if node is not None and not any(is_cut):
            _fit_pod_on_node(one, resource, node)


def _fit_node(one: Assessment, container: str, resource: str, bound: int, *, is_node: bool) -> bool:
    """Whether the request had to be cut. `is_node`: the bound is the largest node's, not one of the settings."""
    request_name, limit_name = REQUEST_OF[resource], LIMIT_OF[resource]
    request, limit = one.amount(container, request_name), one.amount(container, limit_name)
    if limit is not None and limit > bound:
        # Harmless where the owner wrote it, and no business of ours.
        one.move(container, limit_name, None, _left_alone(written(limit_name, bound), is_node=is_node))
    if request is None or request <= bound:
        return False
    one.move(container, request_name, bound, _cut(written(request_name, bound), is_node=is_node))
    what = "the largest node can allocate" if is_node else "the settings allow"
    _too_large(one, (container,), resource, request, bound, what)
    return True


def _left_alone(bound: str, *, is_node: bool) -> Sentence:
    if is_node:
        return sentence("sizing.left_alone_node", bound=bound)
    return sentence("sizing.left_alone_settings", bound=bound)


def _cut(bound: str, *, is_node: bool) -> Sentence:
    return sentence("sizing.cut_to_node", bound=bound) if is_node else sentence("sizing.cut_to_settings", bound=bound)


def _fit_pod_on_node(one: Assessment, resource: str, node: int) -> None:
    """Its containers are scheduled together."""
    requests = [one.amount(container, REQUEST_OF[resource]) or 0 for container in one.evidence.current]
    if sum(requests) > node:
        _too_large(one, one.evidence.current, resource, sum(requests), node, "the largest node can allocate")


def _too_large(one: Assessment, containers: Sequence[str], resource: str, needed: int, bound: int, what: str) -> None:
    name = REQUEST_OF[resource]
    one.add(
        ConditionType.NODE_TOO_SMALL,
        "LargerThanAnyNode",
        f"{_TOGETHER.join(containers)} would need a {FIELD_WORDS[name]} of {written(name, needed)},"
        f" and {written(name, bound)} is all that {what}.",
        withholds=tuple(Withheld(container, name) for container in containers),
        container=_TOGETHER.join(containers),
        resource=resource,
        needed=written(name, needed),
        largest=written(name, bound),
    )


def fit_limit_ranges(one: Assessment) -> None:
    """Requests go inside min, max and ratio; what cannot go is withheld. LimitRanges of type Container come first."""
    ranges = sorted(one.facts.limit_ranges.get(one.collected.namespace, ()), key=lambda item: item.kind)
    for item in ranges:
        for resource in REQUEST_OF:
            if item.kind == "Container":
                for container in one.values:
                    _fit_container(one, container, resource, item)
            elif item.kind == "Pod":
                _fit_pod(one, resource, item)


def _ratio(item: LimitRange, resource: str) -> float | None:
    return item.max_cpu_ratio if resource == "cpu" else item.max_memory_ratio


def _limit(one: Assessment, container: str, resource: str) -> int | None:
    """The limit that a pod will have: without one it gets the default of a LimitRange, and no request may be above that."""
    ranges = one.facts.limit_ranges.get(one.collected.namespace, ())
    defaults = (_of(item.default_limit, resource) for item in ranges if item.kind == "Container")
    return one.amount(container, LIMIT_OF[resource]) or next(filter(None, defaults), None)


def _highest(one: Assessment, container: str, resource: str) -> int | None:
    """The largest request that the limit and every LimitRange of type Container allow; None: there is no bound."""
    ranges = one.facts.limit_ranges.get(one.collected.namespace, ())
    bounds = [_of(item.max, resource) for item in ranges if item.kind == "Container"]
    # A limit that moves with the request is no bound.
    if not one.moves_limit(container, resource):
        bounds.append(_limit(one, container, resource))
    return min((bound for bound in bounds if bound), default=None)


def _fit_container(one: Assessment, container: str, resource: str, item: LimitRange) -> None:
    name = REQUEST_OF[resource]
    before = one.amount(container, name)
    if before is None:
        return
    limit, ratio, least = _limit(one, container, resource), _ratio(item, resource), _of(item.min, resource) or 0
    if ratio and limit:
        least = max(least, math.ceil(round(limit / ratio, 6)))
    highest = _highest(one, container, resource)
    if highest is not None and highest < least:
        _impossible(one, item, (container,), resource, before)
        return
    after = max(before, least) if highest is None else min(max(before, least), highest)
    _move(one, item, container, resource, after)


def _move(one: Assessment, item: LimitRange, container: str, resource: str, after: int) -> None:
    name, limit_name = REQUEST_OF[resource], LIMIT_OF[resource]
    before = one.amount(container, name)
    if after == before:
        return
    words = f"LimitRange {item.name}"
    if one.moves_limit(container, resource):
        one.move(container, limit_name, after, sentence("sizing.moves_with_request"))
    why = sentence("sizing.moved_by_limit_range", before=written(name, before), limit_range=item.name)
    one.move(container, name, after, why)
    one.add(
        ConditionType.LIMIT_RANGE,
        "Moved",
        f"The {FIELD_WORDS[name]} of {container} is {written(name, after)} instead of {written(name, before)}: {words} wants it so.",
        container=container,
        resource=resource,
        limit_range=item.name,
        before=written(name, before),
        after=written(name, after),
    )


def _impossible(one: Assessment, item: LimitRange, containers: Sequence[str], resource: str, before: int) -> None:
    name = REQUEST_OF[resource]
    one.add(
        ConditionType.LIMIT_RANGE,
        "Impossible",
        f"No {FIELD_WORDS[name]} of {_TOGETHER.join(containers)} below its limit satisfies LimitRange {item.name}:"
        " the field is left as its owner wrote it.",
        withholds=tuple(Withheld(container, name) for container in containers),
        container=_TOGETHER.join(containers),
        resource=resource,
        limit_range=item.name,
        before=written(name, before),
    )


def _fit_pod(one: Assessment, resource: str, item: LimitRange) -> None:
    """The sum over the containers. Too little is added to the largest first; too much cannot be mended here."""
    name, containers = REQUEST_OF[resource], one.evidence.current
    total = sum(one.amount(container, name) or 0 for container in containers)
    most, ratio, needed = _of(item.max, resource), _ratio(item, resource), _of(item.min, resource) or 0
    limits = [_limit(one, container, resource) or 0 for container in containers]
    if ratio and all(limits):
        needed = max(needed, math.ceil(round(sum(limits) / ratio, 6)))
    if most is not None and max(total, needed) > most:
        one.add(
            ConditionType.LIMIT_RANGE,
            "Impossible",
            f"The pod would ask for {written(name, max(total, needed))} of {resource}, and LimitRange {item.name} allows"
            f" {written(name, most)}.",
            withholds=tuple(Withheld(container, name) for container in containers),
            resource=resource,
            limit_range=item.name,
            needed=written(name, max(total, needed)),
            largest=written(name, most),
        )
    elif needed > total:
        _add_to_pod(one, item, resource, needed - total, total)


def _add_to_pod(one: Assessment, item: LimitRange, resource: str, missing: int, total: int) -> None:
    name, containers = REQUEST_OF[resource], one.evidence.current
    added: dict[str, int] = {}
    for container in sorted(containers, key=lambda each: (one.amount(each, name) or 0, each), reverse=True):
        amount, highest = one.amount(container, name) or 0, _highest(one, container, resource)
        more = missing if highest is None else min(missing, max(highest - amount, 0))
        added[container] = amount + more
        missing -= more
    if missing:
        _impossible(one, item, containers, resource, total)
        return
    for container, after in added.items():
        _move(one, item, container, resource, after)
