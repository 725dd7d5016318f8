"""The rules of `kubedoor.admission.rules` for new Deployments, as variables and one mutation of a policy. Pure.

Nothing runs yet, so that much of `deployment_policy` is not needed. Each variable that is worked out takes time of every
release of a new Deployment, so what is used once is no variable.
"""

from __future__ import annotations

from kubedoor.admission.native import cel
from kubedoor.admission.native.deployment_policy import (
    ASKED_TEXT,
    FOUND_REPLICAS,
    IS_EXEMPT,
    IS_HPA,
    IS_OURS,
    IS_SMALL,
    NAME,
    Variables,
    fitting,
    floors_of,
    numbers_of,
    remembered_of,
    taken_out,
)
from kubedoor.admission.native.patches import POD, RESOURCES, annotation_patch, containers_patch, replicas_patch
from kubedoor.admission.rules import Rules

_REQUESTS, _LIMITS = "v[0]", "v[1]"
_VALUES = "[[variables.values[n].?requests.orValue({}), variables.values[n].?limits.orValue({})]]"
"""Of the container `n`, a list of one `v`."""
_OFF = "dyn({'mode': 'off'})"


def variables(rules: Rules) -> Variables:
    """In the order in which they may refer to each other."""
    numbers = _numbers(rules)
    by_name = "variables.containers.transformMapEntry(n, c, {c.name: dyn(%s)})"
    carried = (
        f"variables.text != '' && {cel.is_readable('variables.text')} ? dyn({cel.parsed('variables.text')}) : dyn({{}})"
    )
    return {
        # An unknown Deployment is left alone.
        "entry": f"params.spec.deployments[?{NAME}].orValue({_OFF})",
        "enforces": f"variables.entry.?mode.orValue('enforce') == 'enforce' && {IS_SMALL} && !({IS_EXEMPT})",
        "replicas": f"int({_replicas(rules)})",
        "containers": cel.controllable("object"),
        "arrives": by_name % cel.fields_of("c"),
        "text": cel.annotation("object"),
        "carried": carried,
        "values": f"{POD}.?resources.orValue({{}}).size() == 0 ? variables.entry.?containers.orValue({{}}) : {{}}",
        "final": f"variables.arrives.transformMap(n, a, !(n in variables.values) ? dyn(a) : dyn({_final(numbers)}))",
        "ours": f"variables.arrives.transformMap(n, a, [{_ours(numbers)}])",
        "remembered": "variables.carried.size() == 0 ? dyn(variables.arrives)"
        f" : dyn(variables.arrives.transformMap(n, a, {remembered_of('a', 'a')}))",
        "new_text": f"!({IS_OURS}) ? '' : [{ASKED_TEXT}].map(t, {fitting('t')})[0]",
    }


def mutation() -> str:
    """An expression of the type list(JSONPatch)."""
    patches = (containers_patch(kind, "true") for kind in ("containers", "initContainers"))
    return f"!variables.enforces ? [] : {' + '.join((replicas_patch(), *patches, annotation_patch()))}"


def _replicas(rules: Rules) -> str:
    wanted = f"variables.entry.?replicas.orValue({FOUND_REPLICAS})"
    if rules.hpa_replicas == "control":
        return wanted
    return f"variables.entry.?hpa.orValue(false) || {IS_HPA} ? {FOUND_REPLICAS} : {wanted}"


def _numbers(rules: Rules) -> dict[str, Variables]:
    """The texts of each resource, where `v` are the container's control values, requests and limits, and `l` its limits of CPU and memory."""
    made: dict[str, Variables] = {}
    for number, resource in enumerate(RESOURCES):
        texts = {"limit": f"l[{number}]"}
        for name in ("left", "controlled", "request"):
            found = numbers_of(resource, floors_of(rules)[resource], _REQUESTS, _LIMITS, texts)
            texts[name] = f"({found[name]})"
        made[resource] = {**found, **texts, "limit": found["limit"]}
    return made


def _final(numbers: dict[str, Variables]) -> str:
    """The numbers to store of the container `n` with values: field -> quantity."""
    limits = ", ".join(numbers[one]["limit"] for one in RESOURCES)
    pairs = ", ".join(
        f"?'requests.{one}': optional.ofNonZeroValue({numbers[one]['request']}),"
        f" ?'limits.{one}': optional.ofNonZeroValue(l[{number}])"
        for number, one in enumerate(RESOURCES)
    )
    return f"{_VALUES}.map(v, [[{limits}]].map(l, {{{pairs}}})[0])[0]"


def _ours(numbers: dict[str, Variables]) -> str:
    """Fields of the container `n` that KubeDoor controls; else empty texts."""
    names = []
    for one in RESOURCES:
        names.append(f"{_with_values(numbers[one]['controlled'])} ? 'requests.{one}' : ''")
        sets_limit = _with_values(f"'{one}' in {_LIMITS}")
        names.append(f"({sets_limit}) || ({taken_out(one, 'a')}) ? 'limits.{one}' : ''")
    return ", ".join(names)


def _with_values(holds: str) -> str:
    """Whether the container `n` has control values `v`, for which this holds."""
    return f"n in variables.values && {_VALUES}.exists(v, {holds})"
