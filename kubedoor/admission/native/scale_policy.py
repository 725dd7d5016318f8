"""The rules of `kubedoor.admission.rules` for Scales, as variables and one mutation of a policy. Pure."""

from __future__ import annotations

from kubedoor.admission.rules import HPA_USER, HPA_USERS_OF_SCALES, Rules

NAME = "request.name"
FOUND = "object.spec.?replicas.orValue(0)"
_RUNNING = "oldObject.spec.?replicas.orValue(0)"


def conditions(rules: Rules) -> dict[str, str]:
    """The HPA's own scales pass."""
    if rules.hpa_replicas == "control":
        return {}
    users = ", ".join(f"'{user}'" for user in sorted({HPA_USER, *HPA_USERS_OF_SCALES}))
    return {"is-not-the-hpa": f"!(request.userInfo.username in [{users}])"}


def variables(rules: Rules) -> dict[str, str]:
    wanted = f"variables.entry.?replicas.orValue({FOUND})"
    if rules.hpa_replicas != "control":
        kept = f"({FOUND} != 0 && {_RUNNING} != 0 ? {_RUNNING} : {FOUND})" if rules.hpa_replicas == "keep" else FOUND
        wanted = f"variables.entry.?hpa.orValue(false) ? {kept} : {wanted}"
    return {
        "entry": f"{NAME} in params.spec.deployments ? dyn(params.spec.deployments[{NAME}]) : dyn({{}})",
        "enforces": "variables.entry.?mode.orValue('enforce') == 'enforce' && !variables.entry.?exempt.orValue(false)",
        "replicas": f"variables.enforces ? int({wanted}) : int({FOUND})",
    }


def mutation() -> str:
    """An expression of the type list(JSONPatch)."""
    patch = "JSONPatch{op: 'add', path: '/spec/replicas', value: variables.replicas}"
    return f"variables.replicas == {FOUND} ? [] : [{patch}]"
