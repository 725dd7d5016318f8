"""Pieces of CEL text that the policies are made of. Pure.

CEL has no functions of one's own and no local variables: what repeats is made here. An absent field is an error in CEL,
and an error skips the policy.
"""

from __future__ import annotations

from kubedoor.asked import ANNOTATION, FIELDS

_NAME = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_QUANTITY = r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,9})?"
_FIELD = f"({'|'.join(FIELDS)})={_QUANTITY}".replace("requests.", "requests[.]").replace("limits.", "limits[.]")
_ENTRY = f"{_NAME}:({_FIELD}(,{_FIELD})*)?"
_ASKED = f"^{_ENTRY}(;{_ENTRY})*$"
FIELD_LIST = "[" + ", ".join(f"'{field}'" for field in FIELDS) + "]"


def escaped(key: str) -> str:
    """As a part of a path of a JSON patch."""
    return key.replace("~", "~0").replace("/", "~1")


def same(one: str, other: str, field: str) -> str:
    """Whether two maps of fields have the same number in `field`, or neither has one."""
    return (
        f"(({field} in {one}) == ({field} in {other}) && (!({field} in {one}) || {one}[{field}] == {other}[{field}]"
        f" || quantity({one}[{field}]).compareTo(quantity({other}[{field}])) == 0))"
    )


def fields_of(container: str) -> str:
    """A container's requests and limits as a map: field -> quantity. Written out: a loop over the fields takes longer."""
    pairs = (field.split(".") for field in FIELDS)
    entries = (
        f"?'{group}.{resource}': {container}.?resources[?'{group}'][?'{resource}'].optMap(q, string(q))"
        for group, resource in pairs
    )
    return f"{{{', '.join(entries)}}}"


def asked_part(field: str) -> str:
    """An element of a list: what is remembered of one field of the container `c`, as the annotation has it; none if nothing is."""
    return f"?variables.remembered[c.name][?'{field}'].optMap(q, '{field}=' + string(q))"


def controllable(manifest: str) -> str:
    """The containers that run as long as the pod: all regular ones, then native sidecars."""
    spec = f"{manifest}.spec.template.spec"
    return f"dyn({spec}.containers) + dyn({spec}.?initContainers.orValue([]).filter(c, c.?restartPolicy.orValue('') == 'Always'))"


def annotation(manifest: str) -> str:
    """The text of the annotation; empty without one."""
    return f"{manifest}.metadata.?annotations[?'{ANNOTATION}'].orValue('')"


def is_readable(text: str) -> str:
    """Whether an annotation's text can be read, as `kubedoor.asked.parse_asked` reads it."""
    return (
        f"({text}.matches('{_ASKED}') && {text}.split(';').all(e,"
        f" (';' + {text}).split(';' + e.split(':')[0] + ':').size() == 2"
        " && (e.endsWith(':') || e.split(':')[1].split(',').all(q, e.split(q.split('=')[0] + '=').size() == 2))))"
    )


def parsed(text: str) -> str:
    """A readable text as a map: container -> field -> quantity."""
    fields = "e.split(':')[1].split(',').transformMapEntry(j, q, {q.split('=')[0]: q.split('=')[1]})"
    return (
        f"{text}.split(';').transformMapEntry(i, e, {{e.split(':')[0]: e.endsWith(':') ? dyn({{}}) : dyn({fields})}})"
    )


def of_container(values: str, name: str, otherwise: str) -> str:
    return f"({name} in {values} ? dyn({values}[{name}]) : dyn({otherwise}))"
