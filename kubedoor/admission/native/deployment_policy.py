"""The rules of `kubedoor.admission.rules` for updates of Deployments, as variables and one mutation of a policy. Pure.

One JSON patch sets everything, so that all of it is worked out from the object as it arrives. Server-side apply would
refuse objects with two environment variables or ports of one name, which the API server takes.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubedoor.admission.asked import MAX_ANNOTATIONS_BYTES
from kubedoor.admission.native import cel
from kubedoor.admission.native.parameters import MAX_CONTAINERS
from kubedoor.admission.native.patches import POD, RESOURCES, annotation_patch, containers_patch, replicas_patch
from kubedoor.admission.native.template_cel import differs_beyond_numbers
from kubedoor.admission.rules import CONTROL_LABEL, HPA_USER, Rules
from kubedoor.asked import ANNOTATION, FIELDS

Variables = dict[str, str]
NAME = "object.metadata.?name.orValue('')"
IS_EXEMPT = (
    f"object.metadata.?labels[?'{CONTROL_LABEL}'].orValue('') == 'off'"
    " || object.metadata.?ownerReferences.orValue([]).size() > 0"
)
IS_SMALL = f"{POD}.containers.size() + {POD}.?initContainers.orValue([]).size() <= {MAX_CONTAINERS}"
"""Of more containers, with control values or not, a policy costs more than the API server allows: the webhook sets them."""
FOUND_REPLICAS = "object.spec.?replicas.orValue(1)"
IS_OURS = (
    f"variables.remembered.exists(n, {cel.FIELD_LIST}.exists(f,"
    f" !{cel.same('variables.remembered[n]', 'variables.final[n]', 'f')}))"
)
_ENTRY = f"[{', '.join(map(cel.asked_part, FIELDS))}].join(',')"
ASKED_TEXT = f"variables.containers.map(c, c.name + ':' + {_ENTRY}).join(';')"
IS_HPA = f"request.userInfo.username == '{HPA_USER}'"


def variables(rules: Rules) -> Variables:
    """In the order in which they may refer to each other."""
    return {
        **_workload(),
        **_spoken(),
        **_due(rules),
        **_wanted(rules),
        **_numbers(rules),
        **_remembered(),
        **_annotation(),
    }


def mutation() -> str:
    """An expression of the type list(JSONPatch)."""
    changes = "variables.puts_back || variables.sets || variables.drops"
    patches = (containers_patch(kind, changes) for kind in ("containers", "initContainers"))
    return " + ".join((replicas_patch(), *patches, annotation_patch()))


def _workload() -> Variables:
    return {
        "name": NAME,
        "known": "variables.name in params.spec.deployments",
        "entry": "variables.known ? dyn(params.spec.deployments[variables.name]) : dyn({})",
        "mode": "variables.entry.?mode.orValue('enforce')",
        "exempt": f"variables.mode == 'off' || {IS_EXEMPT}",
        "updates": "request.operation == 'UPDATE'",
    }


def _spoken() -> Variables:
    """What the request says of requests and limits: see `kubedoor.admission.asked`.

    A row for each container: `a` as it arrives, `r` as it runs, `w` as it was asked before, `k` what was asked for the
    numbers that arrive.
    """
    unspoken = " || ".join(cel.same(*pair, "f") for pair in (("x.a", "x.r"), ("x.a", "x.w"), ("x.k", "x.w")))
    by_name = "{}.transformMapEntry(n, c, {{c.name: dyn({})}})"
    return {
        "containers": cel.controllable("object"),
        "arrives": by_name.format("variables.containers", cel.fields_of("c")),
        "runs": f"variables.updates ? dyn(({cel.controllable('oldObject')})"
        f".transformMapEntry(n, c, {{c.name: dyn({cel.fields_of('c')})}})) : dyn({{}})",
        "text": cel.annotation("object"),
        "stored_text": f"variables.updates ? string({cel.annotation('oldObject')}) : ''",
        "text_readable": cel.is_readable("variables.text"),
        "stored_readable": cel.is_readable("variables.stored_text"),
        "carried": f"variables.text_readable ? dyn({cel.parsed('variables.text')}) : dyn({{}})",
        "was": f"variables.stored_readable ? dyn({cel.parsed('variables.stored_text')}) : dyn({{}})",
        "speaks_for_itself": "variables.updates && variables.text != variables.stored_text",
        "rows": "variables.arrives.transformMap(n, a, {"
        f"'a': dyn(a), 'r': {cel.of_container('variables.runs', 'n', '{}')},"
        f" 'w': n in variables.was ? dyn(variables.was[n]) : {cel.of_container('variables.runs', 'n', '{}')},"
        " 'k': variables.speaks_for_itself && n in variables.carried ? dyn(variables.carried[n]) : dyn(a)})",
        "asked": "!variables.updates ? dyn(variables.arrives) : dyn(variables.rows.transformMap(n, x,"
        f" {cel.FIELD_LIST}.filter(f, ({unspoken}) ? f in x.w : f in x.k)"
        f".transformMapEntry(i, f, {{f: ({unspoken}) ? x.w[f] : x.k[f]}})))",
        "differs": f"variables.rows.exists(n, {cel.FIELD_LIST}.exists(f,"
        f" !{cel.same('variables.rows[n].a', 'variables.rows[n].r', 'f')}))",
        "new_wish": f"variables.rows.exists(n, {cel.FIELD_LIST}.exists(f,"
        f" !{cel.same('variables.asked[n]', 'variables.rows[n].w', 'f')}))",
    }


def _due(rules: Rules) -> Variables:
    """See `kubedoor.admission.due`."""
    keeps = "true" if rules.keep_unchanged_manifests else "false"
    replicas = "object.spec.?replicas.orValue(1) != oldObject.spec.?replicas.orValue(1)"
    return {
        "same_template": "variables.updates && object.spec.template == oldObject.spec.template",
        "beyond_numbers": differs_beyond_numbers("object.spec.template", "oldObject.spec.template"),
        "restarts": "!variables.updates || (!variables.same_template && (variables.beyond_numbers || variables.differs))",
        "unchanged": f"{keeps} && variables.updates && variables.restarts && !variables.beyond_numbers"
        " && variables.differs && !variables.new_wish",
        "resources_due": "variables.restarts && !variables.unchanged",
        "replicas_due": f"variables.resources_due || {replicas}",
        "annotation_lost": "variables.updates && !variables.restarts && variables.text != variables.stored_text"
        " && variables.stored_readable && !variables.text_readable",
        "enforces": "variables.known && !variables.exempt && variables.mode == 'enforce'",
        "puts_back": "variables.unchanged && !variables.exempt && variables.mode != 'observe'",
        "keeps_annotation": "variables.annotation_lost && !variables.exempt && variables.mode != 'observe'",
        "sets": "variables.resources_due && variables.enforces",
        "drops": "variables.updates && (variables.sets"
        " || ((variables.resources_due || variables.unchanged) && !variables.puts_back))",
    }


def _wanted(rules: Rules) -> Variables:
    """The control values of each container: `q` requests, `l` limits. None where the pod sets pod-level resources."""
    found = FOUND_REPLICAS
    running = "oldObject.spec.?replicas.orValue(1)"
    wanted = f"variables.entry.?replicas.orValue({found})"
    if rules.hpa_replicas != "control":
        kept = f"variables.updates && !({IS_HPA}) && {found} != 0 && {running} != 0 ? {running} : {found}"
        kept = kept if rules.hpa_replicas == "keep" else found
        wanted = f"variables.entry.?hpa.orValue(false) || {IS_HPA} ? ({kept}) : {wanted}"
    return {
        "replicas": f"variables.replicas_due && variables.enforces ? int({wanted}) : int({found})",
        "takes_values": f"variables.sets && {POD}.?resources.orValue({{}}).size() == 0",
        "values": "variables.arrives.transformMap(n, a, {"
        + ", ".join(
            f"'{letter}': variables.takes_values"
            f" ? dyn(variables.entry.?containers[?n].?{part}.orValue({{}})) : dyn({{}})"
            for letter, part in (("q", "requests"), ("l", "limits"))
        )
        + "})",
    }


def _numbers(rules: Rules) -> Variables:
    """The numbers to store, `final`: see `kubedoor.admission.resources`. An empty text is no quantity."""
    made: Variables = {}
    for resource, floor in floors_of(rules).items():
        made |= _one_resource(resource, floor)
    dropped = ", ".join(map(_dropped, RESOURCES))
    made["drop_list"] = f"variables.drops ? dyn(variables.rows.transformMap(n, x, [{dropped}])) : dyn({{}})"
    pairs = ", ".join(
        f"['requests.{one}', variables.{one}_request[n]],"
        f" ['limits.{one}', variables.drops && 'limits.{one}' in variables.drop_list[n] ? '' : variables.{one}_limit[n]]"
        for one in RESOURCES
    )
    made["final"] = (
        f"variables.rows.transformMap(n, x, variables.puts_back ? dyn(x.r)"
        f" : dyn([{pairs}].filter(p, p[1] != '').transformMapEntry(i, p, {{p[0]: p[1]}})))"
    )
    return made


def floors_of(rules: Rules) -> dict[str, str]:
    return {"cpu": f"{rules.min_cpu_millicores}m", "memory": str(rules.min_memory_bytes)}


def _one_resource(resource: str, floor: str) -> Variables:
    """Maps over the containers `n`: whether the numbers are left alone, or controlled; the limit, and the request."""
    made = {name: f"variables.{resource}_{name}[n]" for name in ("left", "limit", "controlled")}
    texts = numbers_of(resource, floor, "variables.values[n].q", "variables.values[n].l", made)
    return {f"{resource}_{name}": f"variables.arrives.transformMap(n, a, {text})" for name, text in texts.items()}


def numbers_of(resource: str, floor: str, requests: str, limits: str, made: Mapping[str, str]) -> Variables:
    """Of a container whose numbers arrive as `a`, see `_one_resource`. An empty text is no quantity.

    `requests`, `limits`: its control values, maps of resources. `made`: how each result is referred to in the others.
    """
    request, limit = f"'requests.{resource}'", f"'limits.{resource}'"
    wants_request, wants_limit = f"'{resource}' in {requests}", f"'{resource}' in {limits}"
    wanted_request, wanted_limit = f"{requests}.{resource}", f"{limits}.{resource}"
    found, unit = f"quantity(a[{limit}])", "1m" if resource == "cpu" else "1"
    is_low = f"{wants_request} && !({wants_limit}) && {limit} in a && {found}.isLessThan(quantity('{floor}'))"
    # A limit that differs by less than one unit of the control value is kept.
    difference = f"{found}.sub(quantity({wanted_limit}))"
    is_near = (
        f"{limit} in a && {difference}.isLessThan(quantity('{unit}'))"
        f" && {difference}.isGreaterThan(quantity('-{unit}'))"
    )
    new_limit = (
        f"{wants_limit} ? ({is_near} ? a[{limit}] : {wanted_limit})"
        f" : {is_low} && {found}.compareTo(quantity('0')) == 0 ? '' : {limit} in a ? a[{limit}] : ''"
    )
    sent = f"{request} in a ? a[{request}] : ''"
    end = made["limit"]
    # A limit of memory may be finer than a byte, a request may not.
    whole = f"({end}.size() > 4 ? {end}.substring(0, {end}.size() - 4) : '0')"
    cut = end if resource == "cpu" else f"({end}.endsWith('m') ? {whole} : {end})"
    is_found = f"{request} in a && quantity(w).compareTo(quantity(a[{request}])) == 0"
    new_request = (
        f"[{wants_request} ? {wanted_request} : {sent}].map(w, w == '' ? ''"
        f" : {end} != '' && quantity(w).isGreaterThan(quantity({end})) ? {cut} : {is_found} ? a[{request}] : w)[0]"
    )
    return {
        "left": f"{is_low} && {found}.compareTo(quantity('0')) != 0",
        "limit": f"string({new_limit})",
        "controlled": f"({wants_request} || {wants_limit}) && !{made.get('left', '')}",
        "request": f"string({made.get('controlled', '')} ? {new_request} : {sent})",
    }


def _dropped(resource: str) -> str:
    """The field of a limit that only the door has set and a request exceeds; else an empty text."""
    field = f"'limits.{resource}'"
    request, limit = f"variables.{resource}_request[n]", f"variables.{resource}_limit[n]"
    is_ours = f"n in variables.was && !({field} in variables.was[n]) && {field} in x.r"
    return (
        f"{is_ours} && {request} != '' && {limit} != ''"
        f" && quantity({limit}).compareTo(quantity(x.r[{field}])) == 0"
        f" && quantity({request}).isGreaterThan(quantity({limit})) ? {field} : ''"
    )


def _remembered() -> Variables:
    """What is to be remembered as asked: see `remember` in `kubedoor.admission.asked`."""
    names = []
    for resource in RESOURCES:
        names.append(f"variables.{resource}_controlled[n] ? 'requests.{resource}' : ''")
        names.append(
            f"'{resource}' in variables.values[n].l || ({taken_out(resource, 'x.a')}) ? 'limits.{resource}' : ''"
        )
    return {
        "ours": f"variables.rows.transformMap(n, x, [{', '.join(names)}])",
        "remembered": "variables.carried.size() == 0 ? dyn(variables.asked)"
        f" : dyn(variables.rows.transformMap(n, x, {remembered_of('x.a', 'variables.asked[n]')}))",
        "is_ours": IS_OURS,
    }


def taken_out(resource: str, arrives: str) -> str:
    """Whether a limit of 0 has been taken out of the container `n` by KubeDoor."""
    request, limit = f"'requests.{resource}'", f"'limits.{resource}'"
    return (
        f"!({limit} in {arrives}) && {request} in {arrives} && {cel.same(arrives, 'variables.final[n]', request)}"
        f" && n in variables.carried && {limit} in variables.carried[n]"
        f" && quantity(variables.carried[n][{limit}]).compareTo(quantity('0')) == 0"
    )


def remembered_of(arrives: str, asked: str) -> str:
    """Of the container `n`: of KubeDoor's own fields what the object carries, of others what is asked."""
    is_carried = f"n in variables.carried && f in variables.ours[n] && {cel.same(arrives, 'variables.final[n]', 'f')}"
    return (
        f"{cel.FIELD_LIST}.filter(f, {is_carried} ? f in variables.carried[n] : f in {asked})"
        f".transformMapEntry(i, f, {{f: string({is_carried} ? variables.carried[n][f] : {asked}[f])}})"
    )


def _annotation() -> Variables:
    return {
        "asked_text": ASKED_TEXT,
        "wanted_text": "variables.puts_back || variables.keeps_annotation ? variables.stored_text"
        " : variables.sets ? (variables.is_ours ? variables.asked_text : '') : variables.text",
        "new_text": fitting("variables.wanted_text"),
    }


def fitting(text: str) -> str:
    """`text`, or nothing where the annotations would be too long with it."""
    one = "bytes(k).size() + bytes(object.metadata.annotations[k]).size()"
    other_bytes = f"object.metadata.?annotations.orValue({{}}).map(k, k == '{ANNOTATION}' ? 0 : {one}).sum()"
    return f"{text} != '' && {other_bytes} + bytes({text}).size() + {len(ANNOTATION)} > {MAX_ANNOTATIONS_BYTES} ? '' : {text}"
