"""Sentences about Prometheus: why it gives no answer, and what to do."""

PROMETHEUS = {
    "prometheus.after_attempts": "{error}, after {attempts} attempts",
    # No connection, or no end of it.
    "prometheus.proxy": (
        "{address} cannot be reached through the proxy that the environment names (HTTPS_PROXY, NO_PROXY)"
    ),
    "prometheus.certificate": (
        "{address} shows a certificate that is not trusted or not its own: set the CA file that signed it"
    ),
    "prometheus.no_tls": "{address} does not speak TLS with KubeDoor: is its address an http:// one?",
    "prometheus.slow": "{address} does not answer within {seconds:g} seconds",
    "prometheus.unknown_host": "{address} cannot be found: its host name is not known here",
    "prometheus.nothing_listens": "{address} refuses the connection: nothing listens there",
    "prometheus.broke_off": "{address} broke the connection in the middle of its answer",
    "prometheus.unreachable": "{address} cannot be reached",
    "prometheus.endless": "{address} sent its answer for more than {seconds:g} seconds and was not done",
    "prometheus.ca_file": "the CA file {file} cannot be read as certificates",
    # Credentials and address.
    "prometheus.refused": "{address} refuses the credentials ({status}): {advice}",
    "prometheus.check_credentials": "check token, user and tenant",
    "prometheus.amazon": (
        "Amazon Managed Prometheus takes requests signed with SigV4 only: run aws-sigv4-proxy in front, and set its address"
    ),
    "prometheus.azure": (
        "Azure Monitor takes Microsoft Entra tokens only: run a proxy that adds one (aad-auth-proxy) in front, and set its"
        " address"
    ),
    "prometheus.google": (
        "Google Managed Prometheus takes Google OAuth tokens only: run its frontend (prometheus-engine/frontend) in front,"
        " and set its address"
    ),
    "prometheus.redirects": (
        "{address} redirects elsewhere ({status}): set the final address, without a log-in page before it"
    ),
    "prometheus.token_file": "the token file {file} cannot be read",
    "prometheus.empty_token_file": "the token file {file} holds no token",
    "prometheus.bad_token": "the bearer token has characters no header can carry",
    "prometheus.bad_header": "{name} cannot be sent as a header with its value",
    "prometheus.bad_address": "the Prometheus address is not valid: write it like http://prometheus.monitoring:9090",
    "prometheus.bad_label": "{label} is not a Prometheus label: write it like env",
    # Its answers.
    "prometheus.answers": "{address} answers {status}",
    "prometheus.answers_with": "{address} answers {status}: {text}",
    "prometheus.not_found": (
        "{answer}: is the path right? VictoriaMetrics clusters need /select/0/prometheus, Mimir /prometheus"
    ),
    "prometheus.web_page": (
        "{address} answers with a web page, not with JSON: the address is of something else, or behind a log-in"
    ),
    "prometheus.no_label_values": "{address} gives no list of the values of the label {label}",
    "prometheus.too_long_metadata": "{address} answers {endpoint} with more than 32 MiB",
    "prometheus.not_prometheus": "{address} does not answer {endpoint} as Prometheus does",
    "prometheus.not_decompressed": "{address} sends an answer that cannot be decompressed",
    "prometheus.left_out": "{address} left data out: {warning}",
    "prometheus.malformed_series": "Prometheus' answer holds a malformed series",
    "prometheus.not_utf8": "Prometheus' answer is not UTF-8",
    "prometheus.cut": "Prometheus' answer ends in the middle of its JSON",
    "prometheus.cut_at": "Prometheus' answer is cut short or not JSON, at {excerpt}",
    "prometheus.unexpected": "Prometheus' answer is not the JSON expected, at {excerpt}",
    "prometheus.no_result": "Prometheus' answer has no result: `data` is not an object",
    "prometheus.not_success": "Prometheus' answer has the status {status}, not 'success'",
    "prometheus.not_success_why": "Prometheus' answer has the status {status}, not 'success': {error}",
    "prometheus.no_key": "Prometheus' answer is not JSON: {key} where a key should be",
    "prometheus.no_series": "Prometheus' answer has no series where series should be",
    "prometheus.no_value": "Prometheus' answer holds a series without a value",
    # Usage that belongs to no Deployment.
    "prometheus.labels_replaced": (
        "{pods} pods or containers have usage and belong to no Deployment: series of kube-state-metrics carry"
        " {labels}, so their own labels were replaced by those of the scrape job: set honor_labels: true there"
    ),
    "prometheus.no_container_label": (
        "{series} series of usage have no label container: scrape the kubelets' /metrics/cadvisor, and keep its labels"
        " namespace, pod and container"
    ),
    "prometheus.no_owners": (
        "{pods} pods have usage, and none is known to be a Deployment's: scrape kube-state-metrics (kube_pod_owner,"
        " kube_replicaset_owner), and check the labels namespace and pod of both"
    ),
}
