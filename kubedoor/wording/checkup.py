"""Sentences of the checkup: the names of its checks, what was found, what to do."""

CHECKUP = {
    # Names.
    "checkup.store": "store",
    "checkup.usage_source": "usage source",
    "checkup.collection": "collection",
    "checkup.usage_days": "usage days of the look-back",
    "checkup.coverage": "coverage of the look-back",
    "checkup.cluster": "cluster",
    "checkup.permission": "permission to {verb} {resource}",
    "checkup.look": "look at all Deployments",
    "checkup.door": "door",
    "checkup.switch": "switch",
    "checkup.webhook_configuration": "webhook configuration",
    "checkup.native_door": "policies of the API server",
    "checkup.parameters": "control values in the cluster",
    "checkup.reach": "API server reaches the door",
    "checkup.certificate": "door's certificate",
    "checkup.addresses": "client addresses",
    "checkup.first_password": "first password",
    "checkup.prometheus": "Prometheus",
    "checkup.cluster_label": "cluster label",
    "checkup.labels": "labels of kube-state-metrics",
    "checkup.listed_pods": "listed pods",
    # The store and the collection.
    "checkup.store_embedded": "embedded, {workloads} {workloads:workload|workloads} in the control table",
    "checkup.store_clickhouse": "ClickHouse, {workloads} {workloads:workload|workloads} in the control table",
    "checkup.days_there": "{there} of {wanted} days are there",
    "checkup.collect": "collect: POST /api/v1/collect, or let the CronJob do it",
    "checkup.thin_days": "{days} {days:day has|days have} no rows, or samples for less than {share} of the peak window",
    "checkup.all_covered": "every day is covered",
    "checkup.look_at_prometheus": "look at Prometheus for {day}, then collect that day anew",
    "checkup.sample": "sample data: no Prometheus is set, all numbers are made up",
    "checkup.set_prometheus": "set the address of your Prometheus to see your own Deployments",
    # The cluster.
    "checkup.kubernetes": "Kubernetes {version}",
    "checkup.set_kubeconfig": "set KUBEDOOR_KUBECONFIG, or run KubeDoor in the cluster",
    "checkup.further_cluster": (
        "look at its kubeconfig in KUBEDOOR_CLUSTERS, and whether its API server can be reached from here"
    ),
    "checkup.allowed": "allowed",
    "checkup.not_allowed": "not allowed",
    "checkup.allow_actions": (
        "for actions (api.canAct), allow in KubeDoor's ClusterRole: apiGroups [{group}], resources [{resource}],"
        " verbs [{verb}]"
    ),
    "checkup.allow_in": (
        "allow in KubeDoor's Role in namespace {namespace}: apiGroups [{group}], resources [{resource}], verbs [{verb}]"
    ),
    "checkup.allow": (
        "allow it in KubeDoor's ClusterRole: apiGroups [{group}], resources [{resource}], verbs [{verb}]"
    ),
    "checkup.looked_at": "{minutes} {minutes:minute|minutes} ago",
    "checkup.looked_at_now": "less than a minute ago",
    "checkup.never_looked": "never, or more than 30 days ago",
    "checkup.look_with_switch": "{seen}; only when enforcement goes on (KUBEDOOR_LOOK_SECONDS is 0)",
    "checkup.look_permissions": "see the permissions to list Deployments and HPAs, and the log of api",
    # The door.
    "checkup.control_on": "enforcement is on",
    "checkup.control_off": "enforcement is off",
    "checkup.not_known": "not known: {reason}",
    "checkup.see_cluster": "see the cluster's checks",
    "checkup.not_current": "it is not as this version would make it",
    "checkup.switch_again": "run kubedoor control on, or switch enforcement off and on again",
    "checkup.has_native_door": "the API server can enforce control values by itself",
    "checkup.webhook_alone": "the webhook enforces alone: {reason}",
    "checkup.webhook_suffices": "the API server has no MutatingAdmissionPolicies (Kubernetes 1.36): the webhook enforces alone",
    "checkup.too_many_containers": (
        "{count} {count:workload has|workloads have} more than {most} containers, which may cost more than the API server"
        " allows a policy: {workloads}"
    ),
    "checkup.never_written": "not written as a whole since this process started",
    "checkup.written_at": "written as a whole {minutes} {minutes:minute|minutes} ago",
    "checkup.written_at_now": "written as a whole less than a minute ago",
    "checkup.not_written": "{trouble} ({seen})",
    "checkup.write_parameters": (
        "see the permissions to write controlvalues, and the quotas and webhooks of the namespace; until then native policies"
        " set older values, or none"
    ),
    "checkup.look_at_store": (
        "see KUBEDOOR_STORE_DSN and whether the database is whole; the next edit or collection writes what the store has, and so"
        " does switching enforcement on once more, if the values are to go"
    ),
    "checkup.webhook_for_large": "let the webhook enforce these: set KUBEDOOR_DOOR to both or webhook",
    "checkup.no_native_door": "until then nothing enforces: set KUBEDOOR_DOOR to both, and the webhook does",
    "checkup.not_tried": "not tried out: {reason}",
    "checkup.unreached": (
        "see that pods of mutate are ready and that the control plane may connect to them; where its network does not lead"
        " to pods (EKS and GKE with an overlay network), set mutate.hostNetwork"
    ),
    "checkup.ends_in": "ends in {days} {days:day|days}",
    "checkup.renew": "renew it; a new file is used without a restart",
    "checkup.put_right": "put this right, then look again",
    # Addresses and passwords.
    "checkup.untrusted_proxy": (
        "you come by the proxy {address}, which is not trusted: all who come by it count as one address, and"
        " fifty failed log-ins of anybody keep everybody out for a quarter of an hour"
    ),
    "checkup.set_trusted_hops": "set KUBEDOOR_TRUSTED_HOPS (api.trustedHops) to the number of proxies in front",
    "checkup.too_many_hops": (
        "you come by {proxies} {proxies:proxy|proxies}, and KUBEDOOR_TRUSTED_HOPS is {hops}:"
        " everybody can make up an address"
    ),
    "checkup.set_hops": "set KUBEDOOR_TRUSTED_HOPS (api.trustedHops) to {hops}",
    "checkup.come_from": "you come from {address}, by {proxies}",
    "checkup.first_password_unchanged": "{name} has never changed the first password",
    "checkup.change_first_password": (
        "log in as {name} and change it; or make another admin with a local password, and delete {name}"
    ),
    # Prometheus.
    "checkup.version": "{address}, version {version}",
    "checkup.version_unknown": "{address}, version unknown",
    "checkup.series": "{series} series in the last hour",
    "checkup.no_series_needed": "no series in the last hour (needed)",
    "checkup.no_series_wanted": "no series in the last hour (wanted)",
    "checkup.no_series_optional": "no series in the last hour (optional)",
    "checkup.series_with": "series in the last hour with {matcher}",
    "checkup.no_series_with": "no series in the last hour with {matcher}",
    "checkup.as_they_should": "as they should be",
    "checkup.labels_replaced": (
        "{series} series carry {labels}: their own labels were replaced by those of the scrape job"
    ),
    "checkup.pods_listed": "{listed} of {used} pods with usage are listed",
    "checkup.kubelet": "scrape the kubelets' /metrics/cadvisor, and do not drop this metric",
    "checkup.kubelet_no_limit": (
        "scrape the kubelets' /metrics/cadvisor, and do not drop this metric; it is also missing when no container has a CPU"
        " limit"
    ),
    "checkup.kube_state_metrics": "install kube-state-metrics 2.x, scrape it, and do not drop this metric",
    "checkup.no_limit": (
        "install kube-state-metrics 2.x, scrape it, and do not drop this metric; it is also missing when no container has a"
        " limit"
    ),
    "checkup.no_request": (
        "install kube-state-metrics 2.x, scrape it, and do not drop this metric; it is also missing when no container has a"
        " request"
    ),
    "checkup.owners": (
        "install kube-state-metrics 2.x, scrape it, and do not drop this metric; until then pod names tell which Deployment"
        " a pod belongs to"
    ),
    "checkup.set_cluster_label": (
        "set the label and the cluster's name as the series have them; a Prometheus that holds one cluster does not show"
        " its own external labels: leave the label empty there"
    ),
    "checkup.honor_labels": "set honor_labels: true in the scrape job of kube-state-metrics",
    "checkup.stores_away": (
        "bring back the servers behind it; until then days are collected from what the others have, as partial days"
    ),
    "checkup.same_labels": (
        "{info} and {usage} name the same pods by the labels namespace and pod: look for relabelings that rename or"
        " overwrite them in one of the two scrape jobs"
    ),
    "checkup.without_hpa": "without it KubeDoor learns of a HorizontalPodAutoscaler only when it scales",
    "checkup.without_throttling": "without it the throttled share is not known",
    "checkup.without_oom_events": "without it OOM kills are counted from restarts",
    "checkup.without_restarts": "without it OOM kills are counted from cAdvisor alone",
    "checkup.without_reason": "without it OOM kills are counted from cAdvisor alone; missing if nothing ended",
    "checkup.without_ready": "without it replicas are the pods that are listed, ready or not",
    "checkup.without_allocatable": (
        "without it a sample that no node could hold is judged by the node's whole size, or a setting"
    ),
    "checkup.without_init": "without it native sidecars are left out; missing if there are no init containers",
    "checkup.quota_loss": (
        "limits are read from {metric}; without this metric a CPU limit that is not listed there is not known"
    ),
    "checkup.check_address": "check the address, the network policies between, and that it runs",
    "checkup.set_credentials": "set the credentials (bearer token, token file, user) or the tenant header it wants",
    "checkup.set_address": "set the address of Prometheus itself, its path included",
    "checkup.raise_limits": "raise Prometheus' limits (--query.max-samples, --query.timeout)",
}
