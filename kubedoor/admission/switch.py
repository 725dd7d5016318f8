"""Switches control on and off. What is in the cluster is the only state: webhook configuration and policies."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from kubedoor.admission import webhook_configuration
from kubedoor.admission.door_probe import Reach
from kubedoor.admission.native.policy_switch import PolicyState, PolicySwitch, made_for_door
from kubedoor.admission.native.writer import WriteState
from kubedoor.admission.webhook_configuration import WebhookOptions
from kubedoor.errors import ClusterError, Conflict, Forbidden
from kubedoor.kube.client import Cluster
from kubedoor.sentences import NOTHING, Sentence, sentence

log = logging.getLogger(__name__)

POLICY_SECONDS = 2.0
"""How long the API server may take to find new policies: it looks for them once in a second."""
SHOWN_NAMESPACES = 5
_IDLE = sentence("cluster.policies_idle")
WEBHOOK, NATIVE, BOTH = DOORS = ("webhook", "native", "both")


class Part(StrEnum):
    """The real state in the cluster of one of the two that enforce: the webhook, or the policies."""

    ON = "on"
    OFF = "off"
    CHANGED = "changed"
    """On, and not as this version would make it."""
    PARTIAL = "partial"
    """Some of the policies are missing."""
    UNAVAILABLE = "unavailable"
    """The cluster cannot."""
    UNKNOWN = ""


@dataclass(frozen=True)
class SwitchState:
    """`enabled`: whether anything enforces; None: that could not be read, and `reason` says why."""

    enabled: bool | None
    reason: Sentence = NOTHING
    failure_policy: str = ""
    is_current: bool = True
    """False: what is in the cluster differs from what this version would apply, or a part of it is missing."""
    door: str = WEBHOOK
    """What control on means here: WEBHOOK, NATIVE or BOTH."""
    wanted_door: str = WEBHOOK
    """What the setting wants: more than `door` where the cluster cannot."""
    webhook: Part = Part.UNKNOWN
    policies: Part = Part.UNKNOWN


class Switch:
    """`look` is called before control goes on: it records what is in the cluster. `options` is called on every use,
    because certificates change. `reach` tells, once control is on, whether the API server reaches the door.
    `door`: WEBHOOK, NATIVE, or BOTH, which is the webhook alone where the cluster has no such policies.
    """

    def __init__(
        self,
        *,
        cluster: Cluster,
        look: Callable[[], object],
        options: Callable[[], WebhookOptions],
        reach: Callable[[], Reach] = lambda: Reach(None, sentence("cluster.not_tried")),
        door: str = WEBHOOK,
        policies: PolicySwitch | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._cluster = cluster
        self._look = look
        self._options = options
        self._reach = reach
        self._wanted_door = door
        self._policies = policies
        self._sleep = sleep

    def state(self) -> SwitchState:
        """The state in the cluster. Does not raise ClusterError or Forbidden: `enabled` is None then."""
        try:
            webhook = self._webhook_state()
            return replace(_joined(self._wanted_door, webhook, self._policy_state()), wanted_door=self._wanted_door)
        except (ClusterError, Forbidden) as error:
            return SwitchState(None, error.message, door=self._wanted_door, wanted_door=self._wanted_door)

    def door_before(self) -> str:
        """The setting that what is on was made for, where that was another one; else empty. Raises ClusterError, Forbidden.

        What is on and does not say so, or was taken away by hand since, is left to people; a webhook that leads elsewhere is
        another KubeDoor's.
        """
        found = self._cluster.webhook_configuration(webhook_configuration.NAME)
        if found and not webhook_configuration.leads_to(found, self._options()):
            return ""
        policies = self._policy_state()
        made_for = {made_for_door(found), *(policies.made_for if policies else ())} - {""}
        return "" if self._wanted_door in made_for else ", ".join(sorted(made_for))

    def _policy_state(self) -> PolicyState | None:
        """None: there are none to ask about. Raises ClusterError, and Forbidden where only policies are wanted."""
        try:
            return self._policies.state() if self._policies is not None else None
        except Forbidden as error:
            if self._wanted_door == NATIVE:
                raise
            return PolicyState(False, unread=error.message)

    def check_policies(self) -> None:
        """Raises Conflict, with the reason, where policies are wanted and the cluster cannot; ClusterError, Forbidden."""
        if self._policies is not None:
            self._policies.check()
            if self._policies.state().is_idle:
                raise Conflict(_IDLE)

    def _door(self) -> str:
        """The wanted one, as far as the cluster can."""
        if self._policies is None:
            return WEBHOOK
        if self._wanted_door == BOTH:
            # Rights of an installation from before there were policies do not keep the webhook from enforcing.
            with suppress(Forbidden):
                return BOTH if self._policies.is_possible() else WEBHOOK
            return WEBHOOK
        return self._wanted_door

    def _webhook_state(self) -> SwitchState:
        found = self._cluster.webhook_configuration(webhook_configuration.NAME)
        if found is None:
            return SwitchState(False, webhook=Part.OFF)
        hooks = found.get("webhooks") or [{}]
        wanted = webhook_configuration.configuration(self._options())
        is_current = webhook_configuration.is_current(found, wanted)
        part = Part.ON if is_current else Part.CHANGED
        return SwitchState(True, failure_policy=hooks[0].get("failurePolicy", ""), is_current=is_current, webhook=part)

    def turn_on(self, *, by_itself: bool = False) -> SwitchState:
        """Look at the cluster, for the facts that a Scale does not show, then apply what the door needs. Idempotent.

        `by_itself`: nobody has just asked for it, so that most control values never go from the cluster.

        Raises Conflict if the API server does not reach the webhook: it would only delay every release. What was off is
        off again then. Also raises Conflict where the cluster cannot do what the setting wants, and Forbidden. Where both
        are wanted and KubeDoor may not make policies, the webhook goes on alone: the state says so.
        """
        door = self._door()
        options = self._options()
        if door != NATIVE:
            self._check_options(options)
        was_on = self._cluster.webhook_configuration(webhook_configuration.NAME) is not None
        self._look()
        if door != NATIVE:
            self._cluster.apply_webhook_configuration(webhook_configuration.configuration(options))
            if not was_on:
                self._check_reach()
        if door == WEBHOOK:
            self._remove_policies()
        else:
            self._make_policies(door, by_itself=by_itself)
        if door == NATIVE and was_on:
            # Only now: until the policies are in force, the webhook stands.
            self._cluster.delete_webhook_configuration(webhook_configuration.NAME)
        return self.state()

    def _make_policies(self, door: str, *, by_itself: bool) -> None:
        """Returns when they are in force. Raises Conflict if only they are wanted and do nothing: they are gone again then."""
        if self._policies is None:
            return
        try:
            self._policies.turn_on(by_itself=by_itself)
        except Forbidden as error:
            if door == NATIVE:
                raise
            log.warning("the webhook enforces without native policies: %s", error)
            return
        is_in_force = self._policies.wait_until_in_force()
        if is_in_force is None:
            self._sleep(POLICY_SECONDS)
        if is_in_force is False and door == NATIVE:
            self._policies.turn_off()
            raise Conflict(_IDLE)

    def _check_options(self, options: WebhookOptions) -> None:
        if not self._cluster.service_exists(options.namespace, options.service):
            raise Conflict(sentence("cluster.no_service", service=f"{options.namespace}/{options.service}"))
        if not options.ca and not options.inject_ca_from:
            raise Conflict(sentence("cluster.no_ca"))

    def _check_reach(self) -> None:
        reach = self._reach()
        if reach.is_reached is False:
            # What policies enforce already, they go on enforcing.
            self._cluster.delete_webhook_configuration(webhook_configuration.NAME)
            raise Conflict(sentence("cluster.off_again", detail=reach.detail))

    def turn_off(self) -> SwitchState:
        self._delete()
        return self.state()

    def _delete(self) -> None:
        self._cluster.delete_webhook_configuration(webhook_configuration.NAME)
        self._remove_policies()

    def _remove_policies(self) -> None:
        """Also those of an earlier setting. Where they may not be deleted, the state says what is known of them."""
        if self._policies is not None:
            try:
                self._policies.turn_off()
            except Forbidden as error:
                if self._wanted_door == NATIVE:
                    raise
                log.warning("native policies could not be removed: %s", error)


def _joined(wanted: str, webhook: SwitchState, policies: PolicyState | None) -> SwitchState:
    """Whatever of the two is on enforces, also where it is not wanted."""
    if policies is None:
        return webhook
    if policies.unread:
        reason = sentence("cluster.policies_unread", reason=policies.unread)
        return replace(webhook, enabled=webhook.enabled or None, reason=reason)
    door = WEBHOOK if wanted == BOTH and (policies.is_idle or not policies.is_possible) else wanted
    missing = sentence("cluster.policies_missing", missing=", ".join(policies.missing)) if policies.missing else NOTHING
    others = webhook.enabled if door == NATIVE else policies.is_on if door == WEBHOOK else False
    is_half = door == BOTH and webhook.enabled is not policies.is_on
    is_idle = door == NATIVE and policies.is_idle
    is_current = webhook.is_current and policies.is_current and not (missing or others or is_half or is_idle)
    return SwitchState(
        webhook.enabled or policies.is_on,
        missing or _idle(wanted, policies) or _half(door, webhook, policies) or _unwritten(policies.written),
        webhook.failure_policy,
        is_current=is_current,
        door=door,
        webhook=webhook.webhook,
        policies=_part(policies),
    )


def _idle(wanted: str, policies: PolicyState) -> Sentence:
    return _IDLE if policies.is_idle and wanted != WEBHOOK else NOTHING


def _half(door: str, webhook: SwitchState, policies: PolicyState) -> Sentence:
    """Which of the two is on without being wanted, or off in spite of it."""
    if webhook.enabled and not policies.is_on and door != WEBHOOK:
        return sentence("cluster.webhook_alone")
    if policies.is_on and not webhook.enabled and door != NATIVE:
        return sentence("cluster.policies_alone")
    if policies.is_on and webhook.enabled and door != BOTH:
        return sentence("cluster.both_on")
    return NOTHING


def _unwritten(written: WriteState) -> Sentence:
    """Why policies may set other values than the store has."""
    if written.is_kept:
        return written.trouble
    if not written.refusing:
        return NOTHING
    shown = ", ".join(written.refusing[:SHOWN_NAMESPACES])
    return sentence("cluster.values_refused", count=len(written.refusing), namespaces=shown)


def _part(policies: PolicyState) -> Part:
    if policies.is_idle or not policies.is_possible:
        return Part.UNAVAILABLE
    if policies.missing:
        return Part.PARTIAL
    if not policies.is_on:
        return Part.OFF
    return Part.ON if policies.is_current else Part.CHANGED
