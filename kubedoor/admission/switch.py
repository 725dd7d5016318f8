"""Switches control on and off. The webhook configuration in the cluster is the only state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kubedoor.admission import webhook_configuration
from kubedoor.admission.door_probe import Reach
from kubedoor.admission.webhook_configuration import WebhookOptions
from kubedoor.errors import ClusterError, Conflict, Forbidden
from kubedoor.kube.client import Cluster
from kubedoor.sentences import NOTHING, Sentence, sentence


@dataclass(frozen=True)
class SwitchState:
    """`enabled` None: the cluster could not be read, and `reason` says why."""

    enabled: bool | None
    reason: Sentence = NOTHING
    failure_policy: str = ""
    is_current: bool = True
    """False: the configuration exists, but differs from what this version would apply."""


class Switch:
    """`look` is called before control goes on: it records what is in the cluster. `options` is called on every use,
    because certificates change. `reach` tells, once control is on, whether the API server reaches the door.
    """

    def __init__(
        self,
        *,
        cluster: Cluster,
        look: Callable[[], object],
        options: Callable[[], WebhookOptions],
        reach: Callable[[], Reach] = lambda: Reach(None, sentence("cluster.not_tried")),
    ) -> None:
        self._cluster = cluster
        self._look = look
        self._options = options
        self._reach = reach

    def state(self) -> SwitchState:
        """The state in the cluster. Does not raise ClusterError or Forbidden: `enabled` is None then."""
        try:
            found = self._cluster.webhook_configuration(webhook_configuration.NAME)
        except (ClusterError, Forbidden) as error:
            return SwitchState(None, error.message)
        if found is None:
            return SwitchState(False)
        hooks = found.get("webhooks") or [{}]
        wanted = webhook_configuration.configuration(self._options())
        is_current = webhook_configuration.is_current(found, wanted)
        return SwitchState(True, failure_policy=hooks[0].get("failurePolicy", ""), is_current=is_current)

    def turn_on(self) -> SwitchState:
        """Look at the cluster, for the facts that a Scale does not show, then apply the webhook configuration. Idempotent.

        Raises Conflict if the API server does not reach the webhook: it would only delay every release. What was off is
        off again then.
        """
        options = self._options()
        if not self._cluster.service_exists(options.namespace, options.service):
            raise Conflict(sentence("cluster.no_service", service=f"{options.namespace}/{options.service}"))
        if not options.ca and not options.inject_ca_from:
            raise Conflict(sentence("cluster.no_ca"))
        was_on = self._cluster.webhook_configuration(webhook_configuration.NAME) is not None
        self._look()
        self._cluster.apply_webhook_configuration(webhook_configuration.configuration(options))
        if not was_on:
            self._check_reach()
        return self.state()

    def _check_reach(self) -> None:
        reach = self._reach()
        if reach.is_reached is False:
            self._cluster.delete_webhook_configuration(webhook_configuration.NAME)
            raise Conflict(sentence("cluster.off_again", detail=reach.detail))

    def turn_off(self) -> SwitchState:
        self._cluster.delete_webhook_configuration(webhook_configuration.NAME)
        return self.state()
