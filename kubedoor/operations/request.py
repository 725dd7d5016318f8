"""The request for an action on workloads: value types, parsing, validation. Pure: it does not know the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import ceil
from typing import Any

from kubedoor.errors import InvalidInput
from kubedoor.model.values import Mode
from kubedoor.sentences import sentence

MAX_TARGETS = 500
MAX_REPLICAS = 100_000
MAX_AT_ONCE = 20
MAX_INTERVAL_SECONDS = 3600
DEADLINE_SECONDS = (5, 7200)


class Kind(StrEnum):
    SCALE = "scale"
    """To the control values, or to a number, which becomes the manual value."""
    RESTART = "restart"
    APPLY = "apply"
    """Restart only the workloads that run with other requests or limits than the admission would set."""
    RESTORE = "restore"
    """To what their owners asked for before the admission set requests and limits."""


class Order(StrEnum):
    GIVEN = "given"
    NAME = "name"
    FEWEST_PODS_FIRST = "fewest_pods_first"
    MOST_PODS_FIRST = "most_pods_first"


@dataclass(frozen=True)
class RestorePoint:
    """The state before a temporary scale, which its return restores: the manual value (None: not set), else `live`."""

    manual: int | None
    live: int
    temporary: int | None = None
    """The manual value that the temporary scale set. The return skips a workload whose manual value is another one by
    then. None: it restores in any case."""
    over: str = ""
    """Stacked temporary scales: the id of the return of the one beneath; empty: there is none."""
    scaled_by: str = ""
    """The action of the temporary scale; empty: an earlier version did not note it."""
    begun: bool = False
    """An earlier attempt has begun to restore it, and may have ended between the manual value and the Deployment."""


@dataclass(frozen=True)
class Target:
    namespace: str
    deployment: str
    replicas: int | None = None
    """Overrides the replicas of the request; None: does not."""
    back_to: RestorePoint | None = None

    def __str__(self) -> str:
        return f"{self.namespace}/{self.deployment}"


@dataclass(frozen=True)
class ActionRequest:
    """`replicas` None: to the control values."""

    kind: Kind
    targets: tuple[Target, ...]
    replicas: int | None = None
    interval_seconds: float = 0
    """Pause before each further item is started."""
    at_once: int = 1
    order: Order = Order.GIVEN
    stop_on_failure: bool = True
    deadline_seconds: float = 600
    """How long one rollout may take to become healthy."""
    note: str = ""

    def replicas_of(self, target: Target) -> int | None:
        """The number that becomes the target's manual value; None: the control values."""
        return self.replicas if target.replicas is None else target.replicas

    @property
    def pauses_seconds(self) -> float:
        """From the start of the first item to the start of the last one, at least."""
        return (len(self.targets) - 1) * self.interval_seconds

    @property
    def longest_seconds(self) -> float:
        """The same, at most: every rollout before the last round takes as long as it may."""
        return self.pauses_seconds + (ceil(len(self.targets) / self.at_once) - 1) * self.deadline_seconds

    def as_json(self) -> dict[str, Any]:
        """The inverse of `parse`."""
        return asdict(self)


def parse(body: Mapping[str, Any]) -> ActionRequest:
    """Raises InvalidInput naming the field."""
    targets = tuple(_target(number, one) for number, one in enumerate(body.get("targets") or ()))
    request = ActionRequest(
        kind=_choice(Kind, body, "kind", None),
        targets=targets,
        replicas=_replicas(body.get("replicas"), "replicas"),
        interval_seconds=_number(body, "interval_seconds", 0, (0, MAX_INTERVAL_SECONDS)),
        at_once=int(_number(body, "at_once", 1, (1, MAX_AT_ONCE))),
        order=_choice(Order, body, "order", Order.GIVEN),
        stop_on_failure=bool(body.get("stop_on_failure", True)),
        deadline_seconds=_number(body, "deadline_seconds", 600, DEADLINE_SECONDS),
        note=str(body.get("note") or "")[:1000],
    )
    _check(request)
    return request


def _check(request: ActionRequest) -> None:
    if not 1 <= len(request.targets) <= MAX_TARGETS:
        raise InvalidInput(sentence("operations.how_many", most=MAX_TARGETS), field="workloads")
    seen: set[tuple[str, str]] = set()
    for number, target in enumerate(request.targets):
        if (target.namespace, target.deployment) in seen:
            raise InvalidInput(sentence("operations.named_twice", workload=target), field=f"workloads.{number}")
        seen.add((target.namespace, target.deployment))
        if request.kind is not Kind.SCALE and request.replicas_of(target) is not None:
            raise InvalidInput(sentence("operations.replicas_for_scale", kind=request.kind), field="replicas")


def _target(number: int, body: Mapping[str, Any]) -> Target:
    where = f"workloads.{number}"
    namespace, deployment = body.get("namespace"), body.get("deployment")
    for name, text in (("namespace", namespace), ("deployment", deployment)):
        if not isinstance(text, str) or not 1 <= len(text) <= 253:
            raise InvalidInput(sentence("operations.bad_name", field=name), field=f"{where}.{name}")
    back_to = body.get("back_to")
    return Target(
        str(namespace),
        str(deployment),
        _replicas(body.get("replicas"), f"{where}.replicas"),
        RestorePoint(**back_to) if back_to else None,
    )


def _replicas(value: Any, field: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_REPLICAS:
        raise InvalidInput(sentence("operations.bad_replicas", most=MAX_REPLICAS), field=field)
    return value


def _number(body: Mapping[str, Any], name: str, default: float, bounds: tuple[float, float]) -> float:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not bounds[0] <= value <= bounds[1]:
        least, most = bounds
        raise InvalidInput(sentence("operations.bad_number", field=name, least=least, most=most), field=name)
    return value


def _choice(kind: Any, body: Mapping[str, Any], name: str, default: Any) -> Any:
    value = body.get(name, default)
    try:
        return kind(value)
    except ValueError:
        raise InvalidInput(sentence("operations.bad_choice", field=name, choices=", ".join(kind)), field=name) from None


def restored_replicas(back_to: RestorePoint, row: Mapping[str, Any] | None, *, control_on: bool | None) -> int:
    """The replicas that a return restores. `row`: of the view `control`; its collected value counts only if it is enforced."""
    if back_to.manual is not None:
        return back_to.manual
    if row is None or row["collected_replicas"] is None or row["withheld_replicas"]:
        return back_to.live
    if control_on is False or row["mode"] != Mode.ENFORCE:
        return back_to.live
    return int(row["collected_replicas"])
