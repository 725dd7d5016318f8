"""Switches control on and off. The webhook configuration in the cluster is the only state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubedoor.admission import webhook_configuration
from kubedoor.admission.webhook_configuration import WebhookOptions
from kubedoor.errors import ClusterError, Conflict, Forbidden
from kubedoor.kube.client import Cluster


@dataclass(frozen=True)
class SwitchState:
    """`enabled` None: the cluster could not be read, and `reason` says why."""

    enabled: bool | None
    reason: str = ""
    failure_policy: str = ""
    is_current: bool = True
    """False: the configuration exists, but differs from what this version would apply."""


class Switch:
    """`look` is called before control goes on: it records what is in the cluster. `options` is called on every use,
    because certificates change.
    """

    def __init__(self, *, cluster: Cluster, look: Callable[[], object], options: Callable[[], WebhookOptions]) -> None:
        self._cluster = cluster
        self._look = look
        self._options = options

    def state(self) -> SwitchState:
        """The state in the cluster. Does not raise ClusterError or Forbidden: `enabled` is None then."""
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
        found, wanted_client = hook.get("clientConfig", {}), wanted["clientConfig"]
        # Any CA is right if cert-manager injects it.
        same_target = found.get("service") == wanted_client["service"] and (
            not options.ca or found.get("caBundle") == wanted_client["caBundle"]
        )
        return same_target and all(hook.get(name) == wanted[name] for name in compared)

    def turn_on(self) -> SwitchState:
        """Look at the cluster, for the facts that a Scale does not show, then apply the webhook configuration. Idempotent.

        Raises Conflict if the API server could not reach the webhook: it would only delay every release.
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
        self._look()
        self._cluster.apply_webhook_configuration(webhook_configuration.configuration(options))
        return self.state()

    def turn_off(self) -> SwitchState:
        self._cluster.delete_webhook_configuration(webhook_configuration.NAME)
        return self.state()
