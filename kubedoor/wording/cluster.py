"""Sentences about clusters: their API server, the switch, and whether the API server reaches the door."""

CLUSTER = {
    "cluster.no_access": (
        "KubeDoor has no access to the API server of {cluster}: it is collected and shown only. Give it a"
        " kubeconfig in {setting} to act there"
    ),
    "cluster.no_answer": "the API server does not answer",
    "cluster.none": "no cluster is configured (KUBEDOOR_KUBECONFIG is none)",
    "cluster.not_configured": "no cluster is configured: set KUBEDOOR_KUBECONFIG to a kubeconfig file",
    "cluster.status": "the API server answered {status}",
    "cluster.not_allowed": "the cluster does not allow this to KubeDoor: {message}",
    "cluster.bad_name": "{name} is not a name that Kubernetes knows",
    "cluster.slow": "its API server has not answered within {seconds:g} s",
    "cluster.no_deployment": "the cluster has no Deployment {workload}",
    # The switch.
    "cluster.no_service": (
        "there is no Service {service}, by which the API server reaches the door: install the chart, or create the"
        " Service first"
    ),
    "cluster.no_ca": (
        "there is no CA that the API server could check the door with: set KUBEDOOR_WEBHOOK_CA_FILE, or for a"
        " further cluster door.ca_file in KUBEDOOR_CLUSTERS"
    ),
    "cluster.off_again": "enforcement is off again, because the API server does not reach the door: {detail}",
    "cluster.no_policies": (
        "the API server has no MutatingAdmissionPolicies (Kubernetes 1.36, or 1.34 with the API v1beta1 switched on):"
        " set KUBEDOOR_DOOR to webhook"
    ),
    "cluster.policies_idle": (
        "the API server takes MutatingAdmissionPolicies and does nothing with them, which is normal for half a minute after its"
        " start only: start it with --feature-gates=MutatingAdmissionPolicy=true, or set KUBEDOOR_DOOR to webhook"
    ),
    "cluster.no_control_values": (
        "the cluster does not know the kind ControlValues: apply the CustomResourceDefinition {definition} of the chart"
    ),
    "cluster.policies_missing": "missing in the cluster: {missing}",
    "cluster.webhook_alone": "the webhook enforces, but the native policies are off",
    "cluster.policies_alone": "the native policies enforce, but the webhook is off",
    "cluster.both_on": "both the webhook and the native policies enforce, but the setting (KUBEDOOR_DOOR) wants only one of them",
    "cluster.still_on": "enforcement is not off as a whole: {reason}",
    "cluster.policies_unread": "whether native policies enforce is not known: {reason}",
    "cluster.values_refused": (
        "{count} {count:namespace has|namespaces have} refused {count:its|their} control values, so that native policies do"
        " nothing there or set older ones: {namespaces}"
    ),
    "cluster.values_refused_by": (
        "{count} {count:namespace has|namespaces have} refused {count:its|their} control values; {namespace}: {reason}"
    ),
    "cluster.values_kept": (
        "{count} of {all} Deployments that have control values in the cluster have none in the store, though nobody has just"
        " edited or collected: native policies go on with the values that are in the cluster"
    ),
    # Whether the API server reaches the door.
    "cluster.not_tried": "not tried out",
    "cluster.no_namespace": "there is no namespace that the door is asked about",
    "cluster.reached": "a dry run in the namespace {namespace} was answered by the door",
    "cluster.probe_refused": "a dry run in the namespace {namespace} was refused: {refusal}",
    "cluster.probe_passed": "a dry run in the namespace {namespace} passed without the door's answer",
}
