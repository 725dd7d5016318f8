"""Sentences of collections: what a day lacks, what was kept, how far a collection is."""

COLLECTION = {
    # How far a collection is.
    "collection.days": "{days} days",
    "collection.days_left": "{days} days left",
    "collection.workloads": "{workloads} workloads",
    "collection.days_failed": "{days} days failed",
    "collection.no_usage": "no usage in the look-back: collected values kept as they were",
    "collection.failed": "{code}: {error}",
    "collection.broke_off": "the collect service broke off {times} times in a row: see its log",
    "collection.no_answer": "the collect service does not answer as it should: see its log",
    "collection.running": "a collection is under way: wait for it, or cancel it",
    "collection.none": "there is no collection {collection}",
    "collection.sample_among_real": (
        "the store holds usage of a Prometheus, among which sample data has no place: set"
        " KUBEDOOR_PROMETHEUS_URL, or another KUBEDOOR_DATA_DIR to try something out"
    ),
    "collection.incomplete_clusters": "not complete: {clusters}",
    "collection.every_cluster": "every cluster is complete",
    # What was kept.
    "collection.kept_no_usage": "kept as it was: Prometheus has no usage of this day any more",
    "collection.kept_partial": "kept as it was: Prometheus answered with partial data",
    "collection.kept_thinner": "kept as it was: it covers {before} of the window, and Prometheus now {now}",
    # What a day lacks.
    "collection.of_prometheus": "Prometheus: {warning}",
    "collection.no_series": "{metric} has no series between {first} and {last}",
    "collection.without_sample": (
        "{containers} {containers:container|containers} without a sample of {metric} left out: {names}"
    ),
    "collection.misnamed": (
        "{containers} {containers:container|containers} left out, with names that Kubernetes would not take: {names}"
    ),
    "collection.imported_day": "taken over from KubeDoor: usage is its 0.80 quantile of the mean over all containers, injected ones included, and not a P95; this day sets no values",
    "collection.unseen": (
        "{deployments} {deployments:Deployment|Deployments} with listed pods and without a sample: {names}; are the"
        " kubelets of all nodes scraped, and have these pods ever started?"
    ),
    "collection.unlisted": (
        "{pods} {pods:pod|pods} with usage not listed by {metric}: counted by their names; is a shard of kube-state-metrics"
        " down, or does its scrape job replace labels (exported_namespace, exported_pod: set honor_labels: true)?"
    ),
    "collection.nameless": (
        "{pods} {pods:pod|pods} with usage not listed and left out, since such names are no Deployment's: {names}"
    ),
    "collection.unstorable": "{container} left out: {field} is {number}, and {most} is the most that can be stored",
    "collection.names_and_more": "{names} and {more} more",
    "collection.implausible": "{samples} implausible {samples:sample|samples} dropped: {containers}",
    "collection.dropped_of": "{container} ({samples}, {why})",
    "collection.dropped_and": "{first}, {then}",
    "collection.further_containers": "{first} and {more} further containers",
    "collection.above": "above {bound} {number} {unit}",
    "collection.counter_went_back": "its counter went back",
    "collection.its_limit": "its limit with slack,",
    "collection.largest_node": "the largest node's",
    "collection.possible": "the possible",
    "collection.cores": "cores",
    "collection.bytes": "bytes",
    # What is wrong with a request to collect.
    "collection.not_an_object": "the body must be a JSON object",
    "collection.unknown_field": "unknown field {field}: there are {fields}",
    "collection.bad_days": "days must be a whole number from 1 to {most}",
    "collection.not_a_boolean": "{field} must be true or false",
    "collection.day_and_days": "day and days exclude each other",
    "collection.bad_cluster": "cluster must be the name of a cluster",
    "collection.bad_clusters": "{field} must be a list of names of clusters",
    "collection.bad_date": "{field} must be a date such as 2026-11-20",
    "collection.unknown_cluster": "there is no cluster {cluster}: there are {clusters}",
    "collection.of_one_cluster": "{field} is about one of several clusters: name it in cluster",
}
