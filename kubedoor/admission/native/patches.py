"""The JSON patches of a policy for Deployments, from its variables. Pure."""

from __future__ import annotations

from kubedoor.asked import ANNOTATION

RESOURCES = ("cpu", "memory")
_PARTS = ("requests", "limits")
POD = "object.spec.template.spec"


def replicas_patch() -> str:
    return (
        "(variables.replicas != object.spec.?replicas.orValue(1)"
        " ? [JSONPatch{op: 'add', path: '/spec/replicas', value: variables.replicas}] : [])"
    )


def containers_patch(kind: str, changes: str) -> str:
    """Replace the resources of the containers whose numbers change, if any may; what else is under `resources` stays."""
    is_changed = f"({changes}) && c.name in variables.final && variables.final[c.name] != variables.arrives[c.name]"
    usual = ", ".join(f"'{part}': dyn({_amounts(part)})" for part in _PARTS)
    others = (
        "(c.resources.map(p, p) + dyn(['requests', 'limits'].filter(p, !c.resources[?p].hasValue())))"
        f".transformMapEntry(i, p, {{p: p == 'requests' ? dyn({_amounts('requests')})"
        f" : p == 'limits' ? dyn({_amounts('limits')}) : dyn(c.resources[p])}})"
    )
    has_others = "c.?resources.orValue({}).exists(p, p != 'requests' && p != 'limits')"
    resources = f"{has_others} ? dyn({others}) : dyn({{{usual}}})"
    path = f"'/spec/template/spec/{kind}/' + string(number) + '/resources'"
    return (
        f"{POD}.?{kind}.orValue([]).transformList(number, c, {is_changed},"
        f" JSONPatch{{op: 'add', path: {path}, value: {resources}}})"
    )


def _amounts(part: str) -> str:
    """The requests or limits of the container `c`: numbers of CPU and memory as they are to be, all others as they are."""
    # NB: of a type that is known, as `string` is: of another one the API server 1.36 panics.
    final = {one: f"variables.final[c.name][?'{part}.{one}'].optMap(q, string(q))" for one in RESOURCES}
    # Written out where there are no others, as nearly always: loops take longer.
    usual = ", ".join(f"?'{one}': {value}" for one, value in final.items())
    others = (
        f"(c.resources.{part}.map(k, k).filter(k, k != 'cpu' && k != 'memory')"
        f" + dyn(['cpu', 'memory'].filter(k, '{part}.' + k in variables.final[c.name])))"
        f".transformMapEntry(j, k, {{k: k == 'cpu' || k == 'memory' ? dyn(variables.final[c.name]['{part}.' + k])"
        f" : dyn(c.resources.{part}[k])}})"
    )
    has_others = f"c.?resources[?'{part}'].orValue({{}}).exists(k, k != 'cpu' && k != 'memory')"
    return f"{has_others} ? dyn({others}) : dyn({{{usual}}})"


def annotation_patch() -> str:
    path = f"/metadata/annotations/{ANNOTATION.replace('/', '~1')}"
    return (
        "(variables.new_text == variables.text ? []"
        f" : variables.new_text == '' ? [JSONPatch{{op: 'remove', path: '{path}'}}]"
        " : has(object.metadata.annotations)"
        f" ? [JSONPatch{{op: 'add', path: '{path}', value: variables.new_text}}]"
        f" : [JSONPatch{{op: 'add', path: '/metadata/annotations', value: {{'{ANNOTATION}': variables.new_text}}}}])"
    )
