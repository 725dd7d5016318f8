"""Sentences of the door: why it did what it did, and the warnings that kubectl prints."""

_SOURCES = {
    "manual": "set in KubeDoor",
    "collected": "collected",
    "running": "an HPA scales it, 0 would switch it off",
}
_SET = ("manual", "collected")
"""Where requests and limits come from."""
_REPLICAS = "replicas {{before}} -> {{after}} ({source})"
_NUMBERS = "{{container}} {part}: {{changes}} ({source})"

DOOR = {
    # Reasons.
    "door.not_a_deployment": "not a Deployment",
    "door.other_operation": "nothing is set on {operation}",
    "door.namespace_excluded": "namespace {namespace} is excluded",
    "door.namespace_not_controlled": "namespace {namespace} is not one of those that are controlled",
    "door.opted_out": 'the Deployment is labelled {label}: "off"',
    "door.owned": "the Deployment is owned by a controller",
    "door.mode_off": "mode is off",
    "door.mode_observe": "mode is observe",
    "door.nothing_due": "neither a restart nor a change of replicas",
    "door.hpa_keeps": "replicas are the HPA's",
    "door.unchanged_manifest": "unchanged manifest",
    "door.as_it_should_be": "already as it should be",
    "door.values_set": "control values were set",
    "door.annotation_back": "the annotation of what was asked was put back",
    "door.not_in_table": "not in the control table",
    "door.withheld": "withheld: {conditions}",
    "door.denied_unknown": (
        "KubeDoor: {workload} is not in the control table: add it there first (`kubedoor add {workload}`), or label it"
        ' {label}: "off"'
    ),
    # Warnings: what is set, by where the number comes from.
    **{f"door.replicas_{name}": _REPLICAS.format(source=words) for name, words in _SOURCES.items()},
    **{
        f"door.would_replicas_{name}": f"would set {_REPLICAS.format(source=words)}" for name, words in _SOURCES.items()
    },
    **{
        f"door.{part}_{name}": _NUMBERS.format(part=part, source=_SOURCES[name])
        for part in ("requests", "limits")
        for name in _SET
    },
    **{
        f"door.would_{part}_{name}": f"would set {_NUMBERS.format(part=part, source=_SOURCES[name])}"
        for part in ("requests", "limits")
        for name in _SET
    },
    "door.from_nothing": "{resource} none -> {after}",
    "door.cut": "{resource} {before} -> {after}, its limit",
    "door.cut_from_nothing": "{change}, its limit",
    "door.more_lines": "{lines} more such lines left out",
    "door.would_more_lines": "would set {lines} more such lines left out",
    # Warnings: what is not set.
    "door.kept": "unchanged manifest, requests and limits stay as they run",
    "door.would_keep": "observed: unchanged manifest, requests and limits stay as they run where it is enforced",
    "door.fields_withheld": "{fields} (withheld: {conditions})",
    "door.fields_withheld_more": "{fields}, {more} more (withheld: {conditions})",
    "door.fields_withheld_count": "{count} fields left as they are (withheld: {conditions})",
    "door.left_at": "{field} left at {found}",
    "door.left_unset": "{field} left unset",
    "door.at": "{field} at {found}",
    "door.unset": "{field} unset",
    "door.field_of": "{field} of {container}",
    "door.left_alone": "no control value, left alone: {parts}",
    "door.container": "container {container}",
    "door.pod_level": "requests and limits (the pod template sets pod-level resources)",
    "door.unknown": "{workload} is not in the control table, left as it is",
    "door.no_limit": "{resource} limit {limit} of {container} taken out: it is no limit",
    "door.limit_too_low": ("{resource} of {container} left alone: its limit {limit} is below the smallest request"),
    "door.limit_dropped": "{resource} limit of {container} dropped: the door had set it, and {request} is more",
    "door.no_room": "no room in the annotations to remember what was asked (256 KiB)",
    # When the door itself is in trouble.
    "door.store_away": "the store is away",
    "door.store_slow": "the store is slow",
    "door.internal": "internal error",
    "door.nothing_set": "{trouble}, nothing was set",
    "door.policies_stand": "{trouble}, what native policies have set stands",
    "door.denied_by_setting": "{words} (KUBEDOOR_ON_INTERNAL_ERROR is deny)",
    "door.old_values": "{trouble}, decided from values {seconds} s old",
}
