"""Sentences of the control table: edits, imports of sheets, workloads put into it, and acceptances."""

WORKLOADS = {
    "workloads.not_in_table": "{workload} is not in the control table",
    "workloads.not_found": "{workload} is not in the control table: add it, collect first, or check the name",
    "workloads.not_shown": "{workload} is not in the control table, or its namespace is excluded",
    "workloads.stale": (
        "{workload} has been edited since: version {version} by {who}, yours was based on version {based_on}"
    ),
    "workloads.other_cluster": "there is no cluster {cluster} here: there is {known}",
    "workloads.no_cluster": "there is no cluster {cluster} here: there is {clusters}",
    "workloads.no_cluster_of": "there is no cluster {cluster} here: there are {clusters}",
    "workloads.edited_twice": "{first} and {second} are both of {workload}: send one edit for each workload",
    # What is wrong with a value.
    "workloads.not_a_quantity": "{quantity} is not a quantity: write it like 250m, 1.5 or 512Mi",
    "workloads.bad_mode": "mode must be one of {modes}",
    "workloads.bad_replicas": "replicas must be a whole number from 0 to {most}",
    "workloads.unknown_field": "unknown field {field}: there are {fields}",
    "workloads.out_of_bounds": "{field} must be more than zero and less than {largest} {unit}",
    "workloads.above_limit": (
        "{resource}_request {request} of container {container} is above its limit {limit}:"
        " lower it, or raise the limit in the same edit"
    ),
    # Workloads that are put into the table.
    "workloads.excluded": "namespace {namespace} is excluded: the door leaves it alone",
    "workloads.not_controlled": "namespace {namespace} is not one of KUBEDOOR_NAMESPACES: {namespaces}",
    "workloads.in_table": "{workload} is in the control table already: edit its values",
    "workloads.is_collected": "{workload} is collected and would come back: set its mode to off",
    "workloads.no_template": "the template {workload} is not in the control table",
    "workloads.no_template_container": (
        "the template has no values of a container {container}: it has those of {containers}"
    ),
    "workloads.bad_container_name": "no container can be named {name}",
    "workloads.bad_namespace_name": (
        "no namespace can be named {name}: at most {most} lower-case letters, digits and -, and neither end is a -"
    ),
    "workloads.bad_deployment_name": (
        "no Deployment can be named {name}: at most {most} lower-case letters, digits, - and ., and each part between"
        " dots starts and ends with a letter or digit"
    ),
    # Sheets.
    "workloads.sheet_too_large": "the sheet is larger than {most} MiB",
    "workloads.sheet_not_utf8": "the sheet is not UTF-8: save it as CSV UTF-8",
    "workloads.sheet_too_long": "the sheet has more than {most} lines: split it",
    "workloads.sheet_outdated": "somebody has edited these workloads since: what would change is not what was shown",
    "workloads.not_csv": "line {line} is not CSV: {error}",
    "workloads.header_lacks": "the header lacks {columns}",
    "workloads.header_doubled": "the header has {columns} more than once",
    "workloads.header_unknown": "the header has unknown columns: {columns}",
    "workloads.cells": "the line has not as many cells as the header",
    "workloads.empty": "{field} is empty",
    "workloads.same_container": "line {line} is about the same container",
    "workloads.not_a_number": "{text} is not a whole number",
    "workloads.another_line": "line {line} says {value} for the same workload",
    "workloads.no_container_named": "a container's value, and no container is named",
    "workloads.unknown_container": "there is no container {container}: there are {containers}",
    # Acceptances.
    "workloads.until_of_withdrawal": "until is of an acceptance: what is taken back ends now",
    "workloads.no_instant": "{text} is no instant: write it like 2026-12-31T18:00:00Z",
    "workloads.no_offset": "{text} has no offset from UTC: write it like 2026-12-31T18:00:00Z",
    "workloads.until_over": "{text} is over already",
    "workloads.until_too_far": "{text} is too far ahead: without `until`, it is for good",
    "workloads.unknown_condition": "there is no condition {condition}; a person may accept {conditions}",
    "workloads.not_acceptable": (
        "{condition} cannot be accepted: it ends by a setting or by a change in the cluster;"
        " a person may accept {conditions}"
    ),
    "workloads.not_collected": "it has no collected values: check the name, or collect first",
    "workloads.none_of_these": "it has none of these conditions",
    "workloads.nothing_acceptable": "nothing of it can be accepted",
    "workloads.none_accepted": "none of these is accepted",
    "workloads.nothing_accepted": "nothing of it is accepted",
}
