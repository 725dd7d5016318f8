"""What the policies leave for the webhook where both enforce: see `kubedoor.admission.arrived`. Pure CEL text."""

from __future__ import annotations

from kubedoor.admission.arrived import TRACE
from kubedoor.admission.native import cel

_CONDITIONS = "object.?status.?conditions.orValue([])"


def _numbers(variable: str) -> str:
    """As text: requests and limits of each container in the map `variable`."""
    fields = f"{cel.FIELD_LIST}.filter(f, f in {variable}[c.name]).map(f, f + '=' + {variable}[c.name][f]).join(',')"
    return f"variables.containers.map(c, c.name + ':' + {fields}).join(';')"


_MESSAGE = " + ' ' + ".join(
    (
        "string(object.spec.?replicas.orValue(1))",
        _numbers("variables.arrives"),
        "string(variables.replicas)",
        _numbers("variables.final"),
        "variables.text",
    )
)


def traced_deployment(mutation: str) -> str:
    """`mutation`, and the trace where that changes anything, before any other condition."""
    condition = f"{{'type': '{TRACE}', 'status': 'True', 'message': {_MESSAGE}}}"
    operation = (
        f"{_CONDITIONS}.size() > 0 ? JSONPatch{{op: 'add', path: '/status/conditions/0', value: {condition}}}"
        f" : has(object.status) ? JSONPatch{{op: 'add', path: '/status/conditions', value: [{condition}]}}"
        f" : JSONPatch{{op: 'add', path: '/status', value: {{'conditions': [{condition}]}}}}"
    )
    return _with_trace(mutation, operation)


def traced_scale(mutation: str, found: str) -> str:
    """`found`: the replicas that arrive."""
    path = f"/metadata/annotations/{TRACE.replace('/', '~1')}"
    text = f"string({found}) + ' ' + string(variables.replicas)"
    operation = (
        f"object.metadata.?annotations.orValue({{}}).size() > 0"
        f" ? JSONPatch{{op: 'add', path: '{path}', value: {text}}}"
        f" : JSONPatch{{op: 'add', path: '/metadata/annotations', value: {{'{TRACE}': {text}}}}}"
    )
    return _with_trace(mutation, operation)


def _with_trace(mutation: str, operation: str) -> str:
    return f"[{mutation}].map(p, p.size() == 0 ? p : p + [{operation}])[0]"
