"""All lines of `make bench`, in the order of its table: what is measured, its budget, and why it is that one."""

from __future__ import annotations

from tests.bench.judging import Line

_NO_OP = (
    "A function that only parses a review and allows it is the least that a webhook can cost, behind the same server."
)
_VPA = "The admission webhook of the Vertical Pod Autoscaler, in Go, adds 1.3 ms where a function that does nothing adds 0.65 ms."
_PATCH = (
    "Applying a patch is the API server's work, whoever sends it: it reads, patches and defaults the whole object anew. So"
    " is passing on warnings and annotating the audit event."
)
_COLD = "A pod that is started anew while requests wait, as Knative does from zero, must not keep them for much longer."
_FIRST = "What is imported, asked of the store and built for the first request that needs it all."
_PAGE = "A person feels no delay below 100 ms, and half of that is the network's and the browser's."
_POLICY = (
    "Policies spare the hop, but work on the control values of all workloads of the namespace: 500 here. What a webhook"
    " cannot cost less than is the measure."
)
_LIVE = "What pages say of the cluster is right within five seconds, and fits into a small pod."
_POD = "The pod's limit is 512Mi, and a third of that may be needed by bodies and bursts."

LINES = (
    # The door, wrk over TLS.
    Line("floor_rate", "door_throughput", "no-op function, requests per second", "/s", _NO_OP),
    Line("floor_p99", "door_throughput", "no-op function, p99", "ms", _NO_OP),
    Line("dry_run_rate", "door_throughput", "door, dry run, requests per second", "/s", "What one core answers."),
    Line("dry_run_p50", "door_throughput", "door, dry run, p50", "ms", "What a request of many waits for."),
    Line("recorded_rate", "door_throughput", "door, recorded, requests per second", "/s", "What one core answers."),
    Line("dry_run_share", "door_throughput", "door, dry run: share of the no-op's rate", "", _NO_OP, at_least=0.7),
    Line("dry_run_late", "door_throughput", "door, dry run: p99 over the no-op's", "", _NO_OP, at_most=1.5),
    Line(
        "recorded_share",
        "door_throughput",
        "door, recorded: share of the no-op's rate",
        "",
        f"{_NO_OP} Each row is also written.",
        at_least=0.6,
    ),
    Line("recorded_late", "door_throughput", "door, recorded: p99 over the no-op's", "", _NO_OP, at_most=2.0),
    Line(
        "recorded_missing",
        "door_throughput",
        "door, recorded: rows that were not stored",
        "rows",
        "A record is part of the answer.",
        at_most=0,
        of_every_run=True,
    ),
    Line(
        "recorded_parts",
        "door_throughput",
        "door, recorded: parts of the table afterwards",
        "parts",
        "ClickHouse slows inserts down from 1,000 parts on; one insert a second leaves room for merges.",
        at_most=100,
        of_every_run=True,
    ),
    Line("failed", "door_throughput", "door: requests that failed", "errors", "Any is one too many.", at_most=0),
    Line("large_share", "door_throughput", "door, 50 KiB: share of the no-op's rate", "", "Reading 50 KiB is both's."),
    # A minute of recorded admissions, in one process.
    Line(
        "minute_rate",
        "record_rate",
        "2,000 recorded admissions a second, for a minute",
        "/s",
        "At a lower rate the next two lines would prove less than they say.",
        at_least=1900,
    ),
    Line(
        "minute_missing",
        "record_rate",
        "a minute of them: rows not stored, or stored twice",
        "rows",
        "A record is part of the answer.",
        at_most=0,
    ),
    Line(
        "minute_parts",
        "record_rate",
        "a minute of them: parts of the table at most",
        "parts",
        "ClickHouse slows inserts down from 1,000 parts on; one insert a second leaves room for merges.",
        at_most=100,
    ),
    # The door, in one process.
    Line(
        "admit_small", "door_latency", "one admission of 5 KiB, without the network", "ms", "What 50 KiB stand against."
    ),
    Line(
        "admit_large",
        "door_latency",
        "one admission of 50 KiB over one of 5 KiB",
        "",
        "What is not touched is not looked at.",
        at_most=1.5,
    ),
    Line(
        "admit_many",
        "door_latency",
        "one admission with 10,000 workloads over one with 100",
        "",
        "A look-up by name; nothing goes through all workloads.",
        at_most=1.5,
    ),
    # Bursts.
    Line(
        "burst_worst",
        "door_burst",
        "200 reviews of 50 KiB at once, new connections: the last answer",
        "ms",
        "The API server waits for 2 s and then lets the request through unsized; a slower machine may take four times as long.",
        at_most=500,
        of_every_run=True,
    ),
    Line("burst_median", "door_burst", "200 reviews of 50 KiB at once: the median answer", "ms", "Half are faster."),
    Line(
        "burst_unsized",
        "door_burst",
        "200 reviews of 50 KiB at once: not answered with values",
        "errors",
        "An answer without values is a release that runs unsized.",
        at_most=0,
        of_every_run=True,
    ),
    # Through a real API server.
    Line(
        "api_create", "door_apiserver", "create through the API server, no webhook", "ms", "What the next are added to."
    ),
    Line("api_create_noop", "door_apiserver", "create: the no-op function adds", "ms", _NO_OP),
    Line(
        "api_create_patches",
        "door_apiserver",
        "create: a no-op function that gives the door's answer adds",
        "ms",
        _PATCH,
    ),
    Line("api_create_door", "door_apiserver", "create of a known workload: the door adds", "ms", _PATCH),
    Line(
        "api_create_over_patches",
        "door_apiserver",
        "create of a known workload: the door over a no-op function with the same answer",
        "",
        _PATCH,
        at_most=1.2,
    ),
    Line(
        "api_create_over_noop",
        "door_apiserver",
        "create of a known workload: the door over the no-op function",
        "",
        _VPA,
        at_most=2.0,
    ),
    Line(
        "api_create_unknown",
        "door_apiserver",
        "create of an unknown workload: the door over the no-op function",
        "",
        "A workload that a confirmed snapshot does not have is unknown: nothing is asked. Where the no-op adds 0.65 ms, 1 ms.",
        at_most=1.54,
    ),
    Line(
        "api_scale", "door_apiserver", "scale through the API server, no webhook", "ms", "What the next are added to."
    ),
    Line("api_scale_noop", "door_apiserver", "scale: the no-op function adds", "ms", _NO_OP),
    Line("api_scale_door", "door_apiserver", "scale of a known workload: the door adds", "ms", _PATCH),
    Line(
        "api_scale_over_patches",
        "door_apiserver",
        "scale of a known workload: the door over a no-op function with the same answer",
        "",
        _PATCH,
        at_most=1.2,
    ),
    Line(
        "api_scale_over_noop",
        "door_apiserver",
        "scale of a known workload: the door over the no-op function",
        "",
        _VPA,
        at_most=2.0,
    ),
    Line(
        "api_late",
        "door_apiserver",
        "create and scale: p99 with the door over p99 with the no-op function with the same answer",
        "",
        "The same, but for what the p99 of a thousand requests varies by from run to run.",
        at_most=1.25,
    ),
    # Policies of a real API server, with 500 workloads in the namespace.
    Line(
        "native_create_plain",
        "native_apiserver",
        "dry-run create through the API server, no door",
        "ms",
        "What the next are added to.",
    ),
    Line("native_create_noop", "native_apiserver", "dry-run create: the no-op function adds", "ms", _NO_OP),
    Line("native_create_policies", "native_apiserver", "dry-run create: policies add", "ms", _POLICY),
    Line("native_create_webhook", "native_apiserver", "dry-run create: the webhook adds", "ms", "What policies spare."),
    Line(
        "native_create_both",
        "native_apiserver",
        "dry-run create: policies and the webhook add",
        "ms",
        "Both are asked.",
    ),
    Line(
        "native_create_over_noop",
        "native_apiserver",
        "dry-run create: what policies add over what the no-op function adds",
        "",
        _POLICY,
        at_most=1.5,
    ),
    Line(
        "native_scale_plain",
        "native_apiserver",
        "dry-run scale through the API server, no door",
        "ms",
        "What the next are added to.",
    ),
    Line("native_scale_noop", "native_apiserver", "dry-run scale: the no-op function adds", "ms", _NO_OP),
    Line("native_scale_policies", "native_apiserver", "dry-run scale: policies add", "ms", _POLICY),
    Line("native_scale_webhook", "native_apiserver", "dry-run scale: the webhook adds", "ms", "What policies spare."),
    Line(
        "native_scale_both", "native_apiserver", "dry-run scale: policies and the webhook add", "ms", "Both are asked."
    ),
    Line(
        "native_scale_over_noop",
        "native_apiserver",
        "dry-run scale: what policies add over what the no-op function adds",
        "",
        _POLICY,
        at_most=1.5,
    ),
    # Control values of 10,000 workloads in 100 namespaces as parameters of policies.
    Line(
        "parameters_all",
        "native_values",
        "control values of 10,000 workloads in 100 namespaces, compiled and applied from nothing",
        "s",
        "When policies are first switched on.",
    ),
    Line(
        "parameters_all_bytes", "native_values", "from nothing: what is sent", "KB", "What lies in etcd, at most twice."
    ),
    Line(
        "parameters_edit",
        "native_values",
        "one edit of them, compiled and applied",
        "ms",
        "The object of its namespace is sent, and no other.",
    ),
    Line("parameters_edit_bytes", "native_values", "one edit: what is sent", "KB", "100 workloads of two containers."),
    Line(
        "edit_in_force",
        "native_values",
        "an edit through the API: from its answer until policies enforce it, the slowest of twenty",
        "ms",
        "Whoever has saved an edit and releases next must get it.",
        at_most=1000,
        of_every_run=True,
    ),
    # Memory of the door.
    Line("memory_10000", "door_memory", "memory of mutate, 10,000 workloads", "MB", _POD, at_most=120),
    Line("memory_100000", "door_memory", "memory of mutate, 100,000 workloads", "MB", _POD, at_most=250),
    # Collections.
    Line(
        "curl",
        "collect_cost",
        "curl asks what one day of 1,000 workloads x 3 pods needs, one question after the other",
        "s",
        "What Prometheus itself needs: the floor of a collection that asks as gently.",
    ),
    Line(
        "curl_together",
        "collect_cost",
        "curl asks the same, two questions at once",
        "s",
        "As `collect` asks, but with nothing to do with the answers.",
    ),
    Line(
        "collect_over_curl",
        "collect_cost",
        "collect: the same day, stored and sized, over curl",
        "",
        "Prometheus needs most of the time; KubeDoor's own work goes on while it answers.",
        at_most=1.2,
    ),
    Line(
        "collect_over_together",
        "collect_cost",
        "collect: the same day, over curl with two questions at once",
        "",
        "With both cores busy in Prometheus, KubeDoor's own work comes on top.",
    ),
    Line(
        "collect_memory",
        "collect_cost",
        "collect over HTTP: memory at most",
        "MB",
        "Half of its pod's limit.",
        at_most=250,
    ),
    Line(
        "collect_samples",
        "collect_cost",
        "collect: peak samples of its heaviest question",
        "samples",
        "Prometheus refuses questions above 50 million samples: ten times as many workloads need no splitting.",
        at_most=5_000_000,
    ),
    Line(
        "collect_idle",
        "collect_idle",
        "`kubedoor collect` with nothing to do",
        "s",
        "A person who runs it to see whether all is there does not wait.",
        at_most=2.0,
    ),
    Line(
        "look_back_memory",
        "look_back_cost",
        "collected values of 10,000 workloads x 2 containers x 30 days: memory",
        "MB",
        "Its pod's limit is 512Mi.",
        at_most=300,
    ),
    Line(
        "look_back_time",
        "look_back_cost",
        "collected values of 10,000 workloads: time",
        "s",
        "Once a day, after the newest day.",
    ),
    # The store, with a year of 10,000 workloads: 7.3 million rows.
    Line("list_p95", "pages", "list of 10,000 workloads, p95", "ms", _PAGE, at_most=50),
    Line("list_first", "pages", "list of 10,000 workloads, the first after a collection", "ms", "Once a day."),
    Line(
        "overview",
        "pages",
        "overview over 7.3 million rows",
        "ms",
        "The page that people open first: below a quarter of a second it appears with the frame.",
        at_most=200,
    ),
    Line("overview_first", "pages", "overview, the first after a collection", "ms", "Once a day."),
    Line("year", "pages", "one workload's year out of 7.3 million rows", "ms", _PAGE, at_most=50),
    Line("live_list", "live_deployments", "10,000 Deployments, until all are known", "s", _LIVE, at_most=10),
    Line("live_change", "live_deployments", "a change in the cluster, until it is known", "ms", _LIVE, at_most=1000),
    Line("live_memory", "live_deployments", "memory of api that 10,000 Deployments take", "MB", _LIVE, at_most=60),
    Line(
        "live_states",
        "live_deployments",
        "states of 10,000 Deployments",
        "s",
        "For a filter; then only of what changes.",
    ),
    Line("api_memory", "pages", "memory of api before anybody opens a page", "MB", "What the list comes on top of."),
    Line(
        "api_list_memory",
        "pages",
        "memory of api that the list of 10,000 workloads takes",
        "MB",
        "A page needs no scan.",
    ),
    Line(
        "disk",
        "pages",
        "7.3 million rows of usage on disk, by day and by workload",
        "MB",
        "A year of 10,000 workloads.",
    ),
    Line(
        "refresh_check",
        "pages",
        "what a door asks the store, about once a second, with 10,000 workloads",
        "ms",
        "It costs the store the same whatever the number of requests.",
    ),
    Line(
        "prune",
        "pruning",
        "prune of 30 superseded days out of 7.3 million rows",
        "s",
        "The store answers every query of an API request within the 30 s of KUBEDOOR_STORE_TIMEOUT_SECONDS.",
        at_most=10.0,
    ),
    # Cold starts.
    Line("cold_noop", "cold_start", "no-op function: start to first answer", "s", _COLD),
    Line("cold_mutate_health", "cold_start", "mutate: start to /healthz, over the no-op", "", _COLD, at_most=1.3),
    Line("cold_collect_health", "cold_start", "collect: start to /healthz, over the no-op", "", _COLD, at_most=1.6),
    Line("cold_api_health", "cold_start", "api: start to /healthz, over the no-op", "", _COLD, at_most=2.0),
    Line("cold_store", "cold_start", "a function that asks the store one question: start to first answer", "s", _FIRST),
    Line(
        "cold_mutate",
        "cold_start",
        "mutate: start to the answer to a review, over that",
        "",
        f"{_FIRST} The door reads all values before it answers.",
        at_most=2.0,
    ),
    Line("cold_collect", "cold_start", "collect: start to its first answer, over that", "", _FIRST, at_most=1.6),
    Line(
        "cold_api",
        "cold_start",
        "api: start to its first answer, over that",
        "",
        f"{_FIRST} The libraries of a REST API and its document take twice as long as the store's.",
        at_most=4.0,
    ),
    # Pages of records, and the browser.
    Line(
        "audit_filter",
        "records",
        "audit log of a million rows: the slowest filter",
        "ms",
        "A search that waits for the store.",
        at_most=300,
    ),
    Line(
        "audit_memory",
        "records",
        "audit log of a million rows: memory of api during a full export",
        "MB",
        "Half of its pod's limit.",
        at_most=250,
    ),
    Line(
        "web_search",
        "web_latency",
        "browser: search among 10,000 workloads, to the paint",
        "ms",
        "A table that follows the keys.",
        at_most=300,
    ),
    Line(
        "web_sort",
        "web_latency",
        "browser: sort 10,000 workloads, to the paint",
        "ms",
        "A table that follows the click.",
        at_most=300,
    ),
    Line(
        "web_page",
        "web_latency",
        "browser: the next page of 10,000 workloads, to the paint",
        "ms",
        "As a sort.",
        at_most=300,
    ),
)
