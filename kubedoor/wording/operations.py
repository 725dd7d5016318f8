"""Sentences of actions: why they are refused, what they warn of, how far a rollout is, what became of it."""

OPERATIONS = {
    # Why something is refused, or there is nothing to do.
    "operations.gone": "gone: the cluster has no Deployment {workload}",
    "operations.namespace_excluded": "namespace {namespace} is excluded from control",
    "operations.namespace_labelled": "namespace {namespace} is labelled {label}",
    "operations.being_deleted": "it is being deleted",
    "operations.opted_out": 'it is labelled {label}: "off"',
    "operations.owned": "a controller owns it, which would undo this",
    "operations.autoscaled": "an HPA scales it, which would undo this",
    "operations.paused": "its rollout is paused, so that new pods would not come",
    "operations.door_is_off": "enforcement is off, so that a restart would set nothing: switch it on first",
    "operations.not_in_table": "it is not in the control table: collect first",
    "operations.not_enforced": "its mode is {mode}, so that a restart would set nothing",
    "operations.door_would_set": (
        "enforcement is on and would set control values again: switch it off, or set the mode to off"
    ),
    "operations.door_would_keep": "enforcement is on and would keep what runs: switch it off",
    "operations.door_unknown_would_set": (
        "the cluster does not say whether enforcement is on, which would set control values again:"
        " switch it off, or set the mode to off"
    ),
    "operations.door_unknown_would_keep": (
        "the cluster does not say whether enforcement is on, which would keep what runs: switch it off"
    ),
    "operations.set_since": "somebody has set another number since, so it is left as it is",
    "operations.replicas_withheld": (
        "its collected replicas are withheld ({conditions}): accept them, or give a number"
    ),
    "operations.no_replicas": "KubeDoor has no replicas for it: collect first, or give a number",
    "operations.no_replicas_known": "KubeDoor has no replicas for it",
    "operations.already_returned": "the manual value is already the one before the temporary scale",
    "operations.already_control": "the replicas are already the control value",
    "operations.only_replicas": "only the replicas differ: no restart",
    "operations.runs_as_asked": "it runs with what its owner asked for",
    "operations.only_annotation": "it runs with what its owner asked for, so only the annotation goes: no restart",
    "operations.kept": "kept, since its owner asked for it while the door did nothing: {fields}",
    "operations.runs_with_values": "it already runs with the control values",
    "operations.withheld": "withheld: {conditions}",
    "operations.asked_unreadable": (
        "its annotation {annotation} cannot be read, so that nobody knows what was asked:"
        " correct it, or apply the manifest again and delete the annotation"
    ),
    "operations.other_values": "an admission sets other values than were asked for: {changes}",
    # What a plan warns of.
    "operations.door_unknown": "the cluster does not say whether enforcement is on",
    "operations.nothing_keeps": "enforcement is off: nothing keeps this number when others change it",
    "operations.mode_does_not_keep": "its mode is {mode}: the door does not keep this number",
    "operations.no_pods": "there will be no pods at all",
    "operations.not_control_values": "a restart would not give the control values: {changes}",
    # How far a rollout is.
    "operations.not_seen": "the controller has not seen the change yet",
    "operations.pods_available": "{available} of {pods} pods are available",
    "operations.pods_new": "{new} of {pods} pods are new",
    "operations.pods_ending": "{pods} {pods:pod has|pods have} yet to end",
    "operations.deadline_passed": "the progress deadline has passed",
    "operations.timed_out": "{message}",
    "operations.deployment_gone": "the Deployment is gone",
    # What became of an item.
    "operations.cancelled_waiting": "not touched: cancelled while the door still remembered older values",
    "operations.not_touched": "not touched: {reason}",
    "operations.not_recorded": "the store cannot be reached, so the change could not be recorded",
    "operations.stored_another": (
        "{wanted} replicas were asked for, and {stored} were stored: an admission changed them"
    ),
    "operations.changed_but": "changed, but {words}",
    "operations.not_restored": "not restored: others change it again and again",
    "operations.others_change": "others change it again and again",
    "operations.apply_conflict": "a server-side apply of its owner may report a conflict with KubeDoor: {reason}",
    "operations.rollout_failed": "changed, but its rollout failed: {reason}",
    "operations.not_healthy": "changed, but not healthy within {seconds:g} s: {progress}",
    "operations.not_waited": "changed; its rollout was not waited for: {progress}",
    "operations.not_waited_to_end": "changed; its rollout was not waited for to the end",
    "operations.perhaps_changed": "perhaps changed: look at it",
    "operations.manual_again": "the manual value is {replicas} again",
    "operations.manual_none_again": "the manual value is none again",
    "operations.manual_now": "the manual value is {replicas} now",
    "operations.manual_none_now": "the manual value is none now",
    "operations.edited_meanwhile": "{who} had edited it meanwhile: the manual value was {replicas}",
    "operations.edited_meanwhile_none": "{who} had edited it meanwhile: the manual value was none",
    # Why an action does not start.
    "operations.many_starting": "many actions are being started at this moment: try again",
    "operations.busy": "{who} is at work on {workloads} ({kind}): wait for it, or cancel it",
    "operations.busy_many": "{who} is at work on {workloads} and {more} more ({kind}): wait for it, or cancel it",
    "operations.no_action": "there is no action {action}",
    "operations.how_many": "name 1 to {most} workloads",
    "operations.named_twice": "{workload} is named twice",
    "operations.replicas_for_scale": "replicas are for scale, not for {kind}",
    "operations.bad_name": "{field} must be a name of 1 to 253 characters",
    "operations.bad_replicas": "replicas must be a whole number from 0 to {most}",
    "operations.bad_number": "{field} must be from {least:g} to {most:g}",
    "operations.bad_choice": "{field} must be one of {choices}",
}
