"""Sentences about requests and bodies as such, whatever they ask for; and about the store that answers them."""

REQUESTS = {
    "requests.not_json": "the body is not JSON: {error}",
    "requests.client_left": "the client went away before it had sent the body",
    "requests.too_large": "the body is larger than {size}",
    "requests.body_too_large": "the body is too large",
    "requests.too_slow": "the body has not arrived within {seconds:.0f} seconds",
    "requests.no_room": "KubeDoor is working on other large requests, one at a time of each person: try again",
    "requests.metrics_token": "/metrics asks for the bearer token of KUBEDOOR_METRICS_TOKEN",
    "requests.nothing_there": "there is nothing at {path}",
    "requests.nothing_there_but": "there is nothing at {path}: {allowed}",
    "requests.two_hosts": "there is more than one header Host",
    "requests.no_address": "the header {header} is no address",
    "requests.method": "{method} is not served at {path}",
    "requests.field": "{field}: {problem}",
    # What is previewed.
    "requests.not_a_deployment": "the object is not shaped like a Deployment",
    "requests.too_deep": "the object is nested too deeply",
    "requests.not_finite": "the object holds a number that is not finite",
    "requests.not_unicode": "the object holds text that is not Unicode",
    "requests.send_a_deployment": "send a Deployment (apps/v1) or an AdmissionReview (admission.k8s.io/v1)",
    "requests.not_a_review": "the body is not an AdmissionReview",
    "requests.review_version": "AdmissionReview {version} is not supported: send admission.k8s.io/v1",
    "requests.review_not_unicode": "the review holds text that is not Unicode",
    "requests.not_an_object": "{field} is not an object",
    "requests.missing": "{field} is missing",
    # Days that are to be collected.
    "requests.day_too_old": "{day} is more than {days} days back: usage is kept no longer",
    "requests.day_without_window": "{day} has no peak window",
    "requests.day_not_over": "the peak window of {day} is not over yet: the newest day is {newest}",
    # The store, and settings.
    "requests.settings_wrong": "the settings of KubeDoor are wrong: its log says which, and how to set them",
    "requests.migrations_with_gap": "the numbers of the files in sql/ are not 0001, 0002, … without a gap",
    "requests.store_is_newer": (
        "the store has migration {migration}, which this version does not know: it is of a newer KubeDoor"
    ),
    "requests.migration_edited": ("migration {migration} was applied with another text: migrations are never edited"),
    "requests.migration_running": "another migration has been running for {seconds} seconds",
    "requests.store_refused": "ClickHouse refused: {error} (code {code})",
    "requests.store_in_use": (
        "the embedded store is in use by another process: only one KubeDoor may run on a data folder"
    ),
    "requests.store_without_chdb": (
        "the embedded store needs chdb: install kubedoor[local], or set KUBEDOOR_STORE_DSN to a ClickHouse"
    ),
    "requests.store_native_port": (
        "ClickHouse cannot be reached at port {port}, which speaks ClickHouse's own protocol: take its HTTP port, 8123, or"
        " 8443 with TLS"
    ),
    "requests.store_unreachable": "ClickHouse cannot be reached",
    "requests.store_unfit": "a value does not fit into its column: {error}",
}
