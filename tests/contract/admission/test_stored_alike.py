"""Random Deployments live under the webhook and under the policies, each on its own: what is stored is the same.

Everything is truly sent and stored, so that each change meets what the changes before have left. The webhook decides as
the door does, and is called by the configuration that the switch makes.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from typing import Any

import pytest

from kubedoor.admission import webhook_configuration
from kubedoor.admission.review import parse_review, review_response
from kubedoor.admission.rules import Rules, decide
from kubedoor.admission.webhook_configuration import IGNORE_LABEL, WebhookOptions
from kubedoor.control_values import UNKNOWN
from kubedoor.model.values import ControlValues, Source, Value
from tests.contract.admission.later_webhook import NAME, SERVICE, LaterWebhook
from tests.contract.native_door import Api, NativeDoor, Refused, relevant
from tests.support.lives import Change, Life
from tests.toolbox import processes
from tests.toolbox.controlplane import ControlPlane

RULES = (
    Rules(),
    Rules(hpa_replicas="pass", min_cpu_millicores=100, min_memory_bytes=2**28),
    Rules(hpa_replicas="control", keep_unchanged_manifests=False),
)
LIVES, ROUNDS = 23, 9
LEAST_CHANGES, LEAST_OF_A_KIND = 500, 5
KINDS = (
    "create",
    "same manifest",
    "release",
    "new wish",
    "other spelling",
    "edit",
    "scale",
    "label",
    "annotation",
    "patch",
)
PROBES = ("probe", "new")
OF_THE_CONTROLLER = "deployment.kubernetes.io/"


class Pair:
    """Two namespaces with the same lives, under the same rules: one under a webhook, one under policies."""

    def __init__(self, api: Api, rules: Rules, number: int) -> None:
        self.api, self.rules = api, rules
        self.policies = NativeDoor(api, rules, f"alike-{number}")
        self.lives = {f"web-{one}": Life(1000 * number + one, f"web-{one}") for one in range(LIVES)}
        self.values: dict[str, ControlValues] = {}
        self.sent: Counter[str] = Counter()

    @property
    def namespaces(self) -> tuple[str, str]:
        return self.policies.free, self.policies.controlled

    def start_round(self, number: int) -> None:
        """New control values for some; returns when both enforce them."""
        for place, (name, life) in enumerate(self.lives.items()):
            if number == 0 or (place + number) % 3 == 0:
                self.values[name] = life.values()
        replicas = 20 + number
        probed = ControlValues(replicas=Value(replicas, Source.MANUAL))
        self.policies.set_values({**self.values, **dict.fromkeys(PROBES, probed)})
        if number == 0:
            self.policies.store_probe()
        processes.wait_until(lambda: self.policies.is_in_force(replicas), what="the policies have the newest values")

    def play_round(self) -> Iterator[str]:
        """One change of each Deployment in both namespaces; where they differ then."""
        for name, life in list(self.lives.items()):
            before = self._stored(self.namespaces[0], name)
            change = life.next(before)
            answers = [self._send(namespace, change) for namespace in self.namespaces]
            outcomes = [self._outcome(namespace, name) for namespace in self.namespaces]
            self.sent[next(kind for kind in (*KINDS, change.kind) if change.kind.startswith(kind))] += 1
            if answers[0] != answers[1] or outcomes[0] != outcomes[1]:
                # What comes after a difference differs, too.
                del self.lives[name]
                different = _different(*outcomes)
                yield f"{name}: {answers} {different}\n  {change}\n  before: {before}\n  {self.values[name]} {self.rules}"

    def _send(self, namespace: str, change: Change) -> str:
        """Empty, or the status of a refusal."""
        body = copy.deepcopy(change.body)
        if body and "metadata" in body:
            body["metadata"]["namespace"] = namespace
        try:
            self.api.send(change.method, _path(namespace) + change.tail, body, user=change.user)
        except Refused as refused:
            return str(refused).partition(" ")[0]
        return ""

    def _stored(self, namespace: str, name: str) -> dict[str, Any] | None:
        try:
            return self.api.send("GET", f"{_path(namespace)}/{name}")
        except Refused:
            return None

    def _outcome(self, namespace: str, name: str) -> Any:
        stored = self._stored(namespace, name)
        if stored is None:
            return None
        annotations = stored["metadata"].get("annotations") or {}
        kept = {key: text for key, text in annotations.items() if not key.startswith(OF_THE_CONTROLLER)}
        return relevant({**stored, "metadata": {**stored["metadata"], "annotations": kept}})


class DoorWebhook(LaterWebhook):
    """Decides as the door does, from the values of each pair."""

    def __init__(self, plane: ControlPlane, pairs: Mapping[str, Pair]) -> None:
        self._pairs = pairs
        super().__init__(plane, next(iter(pairs)), self._decide)

    def _decide(self, request: dict[str, Any]) -> dict[str, Any]:
        parsed = parse_review({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})
        pair = self._pairs[parsed.namespace]
        decision = decide(parsed, pair.values.get(parsed.name, UNKNOWN), pair.rules)
        answer: dict[str, Any] = review_response(
            parsed, allowed=decision.allowed, reason=str(decision.reason), patch=list(decision.patch)
        )["response"]
        return answer

    def _registration(self) -> dict[str, Any]:
        made = webhook_configuration.configuration(
            WebhookOptions(
                self._namespace,
                SERVICE,
                self.port,
                10,
                "Fail",
                ("kube-system",),
                ca=self._plane.ca_file.read_text(),
                namespaces=list(self._pairs),
            )
        )
        made["metadata"]["name"] = NAME
        # The namespaces are labelled, so that no other webhook looks at them.
        selector = made["webhooks"][0]["namespaceSelector"]
        selector["matchExpressions"] = [one for one in selector["matchExpressions"] if one["key"] != IGNORE_LABEL]
        return made


@pytest.fixture
def pairs(control_plane: ControlPlane) -> Iterator[list[Pair]]:
    with ExitStack() as stack:
        api = stack.enter_context(closing(Api(control_plane)))
        made = [Pair(api, rules, number) for number, rules in enumerate(RULES)]
        for one in made:
            one.policies.install()
            stack.callback(one.policies.remove)
        stack.enter_context(DoorWebhook(control_plane, {one.policies.free: one for one in made}))
        yield made


def test_the_same_is_stored_under_the_webhook_and_under_the_policies(pairs: list[Pair]) -> None:
    found: list[str] = []
    for number in range(ROUNDS):
        for pair in pairs:
            pair.start_round(number)
        found += [one for pair in pairs for one in pair.play_round()]
    assert not found, "\n".join(found[:10])
    sent = sum((pair.sent for pair in pairs), Counter[str]())
    assert sent.total() >= LEAST_CHANGES
    assert [kind for kind in KINDS if sent[kind] < LEAST_OF_A_KIND] == []


def _different(one: Any, other: Any) -> Any:
    """Of two objects only what differs, for a message."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted({*one, *other})
        return {key: _different(one.get(key), other.get(key)) for key in keys if one.get(key) != other.get(key)}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [_different(*pair) for pair in zip(one, other, strict=True) if pair[0] != pair[1]]
    return f"webhook: {one}, policies: {other}"


def _path(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments"
