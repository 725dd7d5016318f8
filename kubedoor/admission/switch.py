"""Control on and off: the webhook configuration in the cluster is the switch, and its only state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubedoor.admission import webhook_configuration
from kubedoor.admission.rules import object_facts
from kubedoor.admission.webhook_configuration import WebhookOptions
from kubedoor.errors import ClusterError, Conflict, Forbidden
from kubedoor.kube.client import Cluster
from kubedoor.model.values import WorkloadKey
from kubedoor.store.control import FACTS, ControlStore


@dataclass(frozen=True)
class SwitchState:
    """`enabled` None: the cluster does not say, and `reason` says why."""

    enabled: bool | None
    reason: str = ""
    failure_policy: str = ""
    is_current: bool = True
    """False: a configuration is there, but not as this KubeDoor would make it."""


class Switch:
    """`options` is called each time, since certificates change."""

    def __init__(
        self, *, cluster: Cluster, control: ControlStore, cluster_name: str, options: Callable[[], WebhookOptions]
    ) -> None:
        self._cluster = cluster
        self._control = control
        self._cluster_name = cluster_name
        self._options = options

    def state(self) -> SwitchState:
        """What the cluster has; a cluster that is away is an answer, not an error."""
        try:
            found = self._cluster.webhook_configuration(webhook_configuration.NAME)
        except (ClusterError, Forbidden) as error:
            return SwitchState(None, error.message)
        if found is None:
            return SwitchState(False)
        hooks = found.get("webhooks") or [{}]
        return SwitchState(
            True, failure_policy=hooks[0].get("failurePolicy", ""), is_current=self._is_current(hooks[0])
        )

    def _is_current(self, hook: dict[str, Any]) -> bool:
        options = self._options()
        wanted = webhook_configuration.configuration(options)["webhooks"][0]
        compared = ("rules", "namespaceSelector", "matchConditions", "failurePolicy", "timeoutSeconds", "sideEffects")
        found, meant = hook.get("clientConfig", {}), wanted["clientConfig"]
        # Where cert-manager injects the CA, any is right.
        leads_here = found.get("service") == meant["service"] and (
            not options.ca or found.get("caBundle") == meant["caBundle"]
        )
        return leads_here and all(hook.get(name) == wanted[name] for name in compared)

    def turn_on(self) -> SwitchState:
        """Learn what a Scale does not show, then let the door in.

        Raises Conflict when the API server could not reach the door, since then it would slow every release for nothing.
        """
        options = self._options()
        if not self._cluster.service_exists(options.namespace, options.service):
            raise Conflict(
                f"there is no Service {options.namespace}/{options.service}, by which the API server reaches the door:"
                " install the chart, or create the Service first"
            )
        if not options.ca and not options.inject_ca_from:
            raise Conflict(
                "there is no CA that the API server could check the door with: set KUBEDOOR_WEBHOOK_CA_FILE, or for a"
                " further cluster door.ca_file in KUBEDOOR_CLUSTERS"
            )
        self.learn_facts()
        self._cluster.apply_webhook_configuration(webhook_configuration.configuration(options))
        return self.state()

    def turn_off(self) -> SwitchState:
        self._cluster.delete_webhook_configuration(webhook_configuration.NAME)
        return self.state()

    def learn_facts(self) -> int:
        """Labels, owners and HPAs of all Deployments as they are now; how many facts were new."""
        scaled = self._cluster.autoscaled_deployments()
        known = {(row["namespace"], row["deployment"]): row for row in self._control.known_facts()}
        news = []
        gone = set(known)
        for manifest in self._cluster.deployments():
            namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
            gone.discard((namespace, name))
            opted_out, owned = object_facts(manifest)
            before = known.get((namespace, name), {})
            facts = {"opted_out": opted_out, "owned": owned, "hpa": (namespace, name) in scaled}
            key = WorkloadKey(self._cluster_name, namespace, name)
            news += [(key, fact, holds) for fact, holds in facts.items() if bool(before.get(fact, False)) is not holds]
        for namespace, name in gone:
            key = WorkloadKey(self._cluster_name, namespace, name)
            news += [(key, fact, False) for fact in FACTS if known[(namespace, name)][fact]]
        self._control.learn(news, seen_by="switch")
        return len(news)
