"""What KubeDoor needs to be allowed in a cluster, as the checkup asks for it: for the switch, for looks, for actions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubedoor.admission import webhook_configuration
from kubedoor.admission.native.policies import DEPLOYMENTS
from kubedoor.admission.switch import WEBHOOK
from kubedoor.config.settings import Settings
from kubedoor.kube.client import Cluster
from kubedoor.model.checks import Check
from kubedoor.sentences import Sentence, sentence

_WEBHOOKS = "mutatingwebhookconfigurations"


@dataclass(frozen=True)
class Permission:
    """`resource`: as a role has it, `deployments/scale`; without a namespace: in all of them.

    `is_for_actions`: what is installed without actions (`api.canAct`) does not need it.
    """

    verb: str
    group: str
    resource: str
    name: str = ""
    namespace: str = ""
    is_for_actions: bool = False


_WEBHOOK = tuple(
    Permission(verb, "admissionregistration.k8s.io", _WEBHOOKS, webhook_configuration.NAME)
    # `create` is by server-side apply: that alone has a name.
    for verb in ("get", "patch", "create", "delete")
)
_VERBS = ("get", "create", "patch", "delete")
_POLICIES = (
    # `get`: the API server asks for it of whoever makes a policy that uses them.
    *(Permission(verb, "kubedoor.io", "controlvalues") for verb in ("get", "list", "create", "patch", "delete")),
    *(
        Permission(verb, "admissionregistration.k8s.io", resource, DEPLOYMENTS)
        for resource in ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings")
        for verb in _VERBS
    ),
)
"""Where policies enforce."""
_LOOKS = (
    *(Permission(verb, "apps", "deployments") for verb in ("list", "watch")),
    Permission("list", "autoscaling", "horizontalpodautoscalers"),
)
_ACTIONS = (
    Permission("get", "apps", "deployments"),
    Permission("patch", "apps", "deployments", is_for_actions=True),
    Permission("patch", "apps", "deployments/scale", is_for_actions=True),
    Permission("list", "", "namespaces", is_for_actions=True),
)


def needed(settings: Settings) -> Iterator[Permission]:
    """In the order in which they are checked."""
    yield from (*_WEBHOOK, *_LOOKS, *_ACTIONS)
    if settings.door != WEBHOOK:
        yield from _POLICIES
    yield Permission("get", "", "services", settings.webhook_service, settings.namespace)
    if settings.is_home and settings.schedule_image:
        for group, resource in (("batch", "cronjobs"), ("", "secrets")):
            for verb in ("create", "patch", "delete", "list"):
                yield Permission(verb, group, resource, namespace=settings.namespace)


def permission_check(cluster: Cluster, wanted: Permission) -> Check:
    """Raises ClusterError."""
    verb, resource = wanted.verb, wanted.resource
    name = sentence("checkup.permission", verb=verb, resource=resource)
    if cluster.may(verb, wanted.group, resource, name=wanted.name, namespace=wanted.namespace):
        return Check(name, True, sentence("checkup.allowed"))
    return Check(name, False, sentence("checkup.not_allowed"), _remedy(wanted))


def _remedy(wanted: Permission) -> Sentence:
    told = {"group": repr(wanted.group), "resource": wanted.resource, "verb": wanted.verb}
    if wanted.is_for_actions:
        return sentence("checkup.allow_actions", **told)
    if wanted.namespace:
        return sentence("checkup.allow_in", **told, namespace=wanted.namespace)
    return sentence("checkup.allow", **told)
