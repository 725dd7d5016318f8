"""Lets a change of the setting KUBEDOOR_DOOR take effect where enforcement is on."""

from __future__ import annotations

import logging

from kubedoor.admission import webhook_configuration
from kubedoor.admission.native.policies import NAMES
from kubedoor.admission.switch import NATIVE, WEBHOOK
from kubedoor.errors import ClusterError, KubeDoorError
from kubedoor.identity.audit import Editor, audited

from .services import Services

log = logging.getLogger(__name__)

MAX_TRIES = 5
"""Of one process: each is a record of its own."""
_SYSTEM = Editor("kubedoor", "system", "")
_GROUP = "admissionregistration.k8s.io"


class DoorSetting:
    """Of one cluster."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tries = 0
        self._trouble = ""

    def follow(self) -> None:
        """Switch on what the setting wants, where what is on was made for another setting. A failure is logged, once."""
        trouble, level = "", logging.WARNING
        try:
            before = self._services.switch.door_before()
            if before and not self._may_switch():
                trouble = "KubeDoor may not switch (api.canSwitch)"
            elif before and self._tries < MAX_TRIES:
                self._tries += 1
                self._switch(before)
        except ClusterError as error:
            # Without an answer nobody can tell what is on; the checkup says it, too.
            trouble, level = str(error.message), logging.INFO
        except KubeDoorError as error:
            trouble = str(error.message)
        if trouble and trouble != self._trouble:
            log.log(
                level, "enforcement may not be as KUBEDOOR_DOOR says until it is switched on once more: %s", trouble
            )
        self._trouble = trouble

    def _may_switch(self) -> bool:
        door, cluster = self._services.settings.door, self._services.cluster
        objects = [] if door == NATIVE else [("mutatingwebhookconfigurations", webhook_configuration.NAME)]
        objects += [] if door == WEBHOOK else [("mutatingadmissionpolicies", name) for name in NAMES[:1]]
        return all(cluster.may("patch", _GROUP, kind, name=name) for kind, name in objects)

    def _switch(self, before: str) -> None:
        settings, records = self._services.settings, self._services.records
        states = ({"enabled": True, "door": one} for one in (before, settings.door))
        with audited(records, _SYSTEM, "control.on", settings.cluster, before=next(states), after=next(states)):
            self._services.switch.turn_on(by_itself=True)
        log.info(
            "KUBEDOOR_DOOR was %s and is %s: enforcement in %s is as it says", before, settings.door, settings.cluster
        )
