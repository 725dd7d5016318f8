"""All settings in one table, read from the environment once, into one frozen object that is passed around.

`load` is the only reader of the environment. It checks everything and reports every problem at once; each message says
which variable to set and gives an example. `docs/settings.md` is made from this table, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from kubedoor.config import clusters
from kubedoor.config import values as read
from kubedoor.errors import KubeDoorError, NotFound, SettingsError
from kubedoor.peak_windows import PeakWindows

OWN_NAMESPACES = (
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "knative-serving",
    "knative-eventing",
    "kourier-system",
    "cert-manager",
)


def setting(
    default: str,
    parse: Callable[[str], Any],
    example: str,
    meaning: str,
    *,
    secret: bool = False,
    variable: str = "",
) -> Any:
    """One row of the table; `variable` only where it is not KUBEDOOR_ and the field's name."""
    metadata = {
        "default": default,
        "parse": parse,
        "example": example,
        "meaning": meaning,
        "secret": secret,
        "variable": variable,
    }
    return field(metadata=metadata, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The table. Every field is a setting; see `setting` for its columns."""

    # Which cluster, and where usage comes from.
    cluster: str = setting("default", read.text, "prod-1", "Name of the Kubernetes cluster; part of every key.")
    cluster_label: str = setting(
        "", read.text, "env", "Prometheus label whose value is the cluster's name; empty: one cluster only."
    )
    clusters: str = setting(
        "",
        read.text,
        "/etc/kubedoor/clusters.yaml",
        "Further clusters: a YAML or JSON list, or the file that has it (see clusters.md); empty: this cluster alone.",
    )
    source: str = setting("auto", read.one_of("auto", "prometheus", "sample"), "prometheus", "Where usage comes from; `auto`: Prometheus if its URL is set, else sample data if the store is embedded.")  # fmt: skip
    prometheus_url: str = setting(
        "",
        read.url("http", "https"),
        "http://prometheus.monitoring:9090",
        "Prometheus or VictoriaMetrics, path prefix included.",
    )
    prometheus_bearer_token: str = setting("", read.text, "eyJhbGciOi…", "Bearer token for Prometheus.", secret=True)
    prometheus_bearer_token_file: str = setting(
        "", read.file, "/var/run/secrets/prometheus/token", "File with the bearer token, read anew for every request."
    )
    prometheus_username: str = setting("", read.text, "kubedoor", "User for basic authentication at Prometheus.")
    prometheus_password: str = setting(
        "", read.text, "…", "Password for basic authentication at Prometheus.", secret=True
    )
    prometheus_headers: Mapping[str, str] = setting(
        "",
        read.headers,
        "X-Scope-OrgID=prod",
        "Further request headers, `name=value` with commas between.",
        secret=True,
    )
    prometheus_ca_file: str = setting(
        "", read.file, "/etc/ssl/prometheus-ca.crt", "CA file that Prometheus' certificate is checked with."
    )
    prometheus_timeout_seconds: float = setting(
        "120", read.number(1, 600), "60", "Longest wait for one answer of Prometheus."
    )
    prometheus_concurrency: int = setting("2", read.whole(1, 8), "1", "Queries under way at once.")
    namespaces: tuple[str, ...] = setting(
        "", read.names, "shop,payment", "Only these namespaces are collected; empty: all."
    )
    excluded_namespaces: tuple[str, ...] = setting(",".join(OWN_NAMESPACES), read.names, "kube-system,monitoring", "Namespaces that are neither collected nor controlled; KubeDoor's own is always among them.")  # fmt: skip

    # The peak window and the sizing rule.
    peak_windows: str = setting(
        "10:00-11:30", read.windows, "10:00-11:30,20:00-21:00", "Local time ranges of a day, at most three."
    )
    time_zone: str = setting(
        "Asia/Shanghai", read.zone, "Europe/Berlin", "Time zone of the peak windows, of days and of schedules."
    )
    weekdays_only: bool = setting("false", read.flag, "true", "Leave Saturdays and Sundays out.")
    look_back_days: int = setting("10", read.whole(1, 365), "14", "How many days the peak day is chosen from.")
    peak_day_scope: str = setting(
        "workload",
        read.one_of("workload", "cluster"),
        "cluster",
        "The heaviest day of each workload, or of the whole cluster.",
    )
    sizing_rule: str = setting("peak-day", read.text, "peak-day", "Rule that turns usage days into control values.")
    step_seconds: int = setting("60", read.whole(15, 600), "30", "Distance of the samples of a window's curve.")
    rate_seconds: int = setting(
        "300", read.whole(60, 3600), "180", "Range over which the CPU rate is taken; at least four scrape intervals."
    )
    min_cpu_millicores: int = setting("10m", read.cpu, "20m", "Floor of a CPU request.", variable="KUBEDOOR_MIN_CPU")
    min_memory_bytes: int = setting(
        "1Mi", read.memory, "32Mi", "Floor of a memory request.", variable="KUBEDOOR_MIN_MEMORY"
    )

    # The store.
    data_dir: Path = setting(
        "data", read.folder, "/var/lib/kubedoor", "Folder of the embedded store, keys and certificates."
    )
    store_dsn: str = setting("", read.url("chdb", "http", "https"), "https://kubedoor:secret@clickhouse:8443/kubedoor", "ClickHouse; empty: embedded in the data folder. A password with reserved characters is percent-encoded.", secret=True)  # fmt: skip
    store_ca_file: str = setting(
        "", read.file, "/etc/ssl/clickhouse-ca.crt", "CA file that ClickHouse's certificate is checked with."
    )
    store_timeout_seconds: float = setting(
        "30",
        read.number(1, 600),
        "10",
        "Longest wait for one answer of ClickHouse; the door's snapshot waits 10 s at most.",
    )
    store_cluster: str = setting(
        "",
        read.text,
        "main",
        "Name of a replicated ClickHouse cluster: the schema is made `ON CLUSTER` with `Replicated*` engines.",
    )

    # Collection.
    collect_budget_seconds: float = setting(
        "240", read.number(1, 3000), "120", "How long one request to `collect` may work before it answers `next`."
    )
    collect_url: str = setting(
        "",
        read.url("http", "https"),
        "http://collect.kubedoor.svc.cluster.local",
        "Where `api` sends collections; empty: they run in `api` itself.",
    )
    collect_token: str = setting(
        "",
        read.text,
        "a long random text",
        "Bearer token that `collect` asks for; without it only loopback is served.",
        secret=True,
    )

    # Schedules.
    schedule_image: str = setting(
        "",
        read.text,
        "kubedoor:0.1.0",
        "Image of the CronJobs of schedules; empty: there are none, and schedules run in `api` itself.",
    )
    schedule_api_url: str = setting(
        "",
        read.url("http", "https"),
        "http://api.kubedoor.svc.cluster.local",
        "Where the CronJobs of schedules find `api`.",
    )
    schedule_pull_secret: str = setting(
        "", read.text, "registry-login", "Secret in KubeDoor's namespace that the image of schedules is pulled with."
    )

    clock_seconds: float = setting(
        "5",
        read.number(0, 60),
        "10",
        "How often `api` looks whether schedules are due and notifications are to be sent; 0: never.",
    )

    # The door.
    namespace: str = setting("kubedoor", read.text, "kubedoor", "KubeDoor's own namespace: never controlled.")
    unknown_workloads: str = setting(
        "allow", read.one_of("allow", "deny"), "deny", "What happens to a Deployment that is not in the control table."
    )
    on_internal_error: str = setting(
        "allow", read.one_of("allow", "deny"), "deny", "What the door answers when it fails itself."
    )
    hpa_replicas: str = setting(
        "keep",
        read.one_of("keep", "control"),
        "control",
        "Replicas of a workload that an HPA scales: kept, or controlled all the same.",
    )
    snapshot_max_age_seconds: float = setting(
        "1", read.number(0.1, 60), "1", "Oldest knowledge a decision may rest on while the store answers."
    )
    snapshot_wait_seconds: float = setting(
        "1",
        read.number(0.05, 10),
        "0.5",
        "Longest wait for the store in one admission; then the last good snapshot serves.",
    )
    snapshot_file: str = setting(
        "", read.text, "/var/lib/kubedoor/snapshot.json", "File with the last good snapshot; empty: in the data folder."
    )
    snapshot_folder: str = setting(
        "",
        read.text,
        "/snapshot",
        "Folder with the published snapshot, where its ConfigMaps are mounted; a door without ClickHouse goes by it while it is newer.",
    )
    snapshot_configmap: str = setting(
        "",
        read.text,
        "kubedoor-snapshot",
        "ConfigMaps that `collect` and `api` publish the snapshot to, less `-0`, `-1` and so on; empty: none.",
    )
    snapshot_shards: int = setting("4", read.whole(1, 64), "8", "How many such ConfigMaps there are.")
    service_account: str = setting("system:serviceaccount:kubedoor:kubedoor-api", read.text, "system:serviceaccount:kubedoor:kubedoor-api", "User name of KubeDoor's own requests, for which the door reads through.")  # fmt: skip
    host: str = setting("127.0.0.1", read.address, "0.0.0.0", "Address that `serve` listens on.")  # noqa: S104
    port: int = setting("8080", read.whole(1, 65535), "8080", "Port of the web pages, the API and `collect`.")
    door_port: int = setting("8443", read.whole(1, 65535), "8443", "Port of the door (HTTPS).")
    drain_seconds: float = setting(
        "0",
        read.number(0, 300),
        "15",
        "How long `mutate` goes on answering after SIGTERM, until nobody sends it requests any more.",
    )
    tls_cert_file: str = setting(
        "", read.file, "/tls/tls.crt", "Certificate of the door; empty: `serve` makes one of its own CA."
    )
    tls_key_file: str = setting("", read.file, "/tls/tls.key", "Private key of the door.")

    # The switch, and the cluster it is in.
    kubeconfig: str = setting(
        "",
        read.text,
        "~/.kube/config",
        "kubeconfig file; empty: the pod's service account or the usual kubeconfig; `none`: no cluster.",
    )
    kube_context: str = setting("", read.text, "prod-1", "Context of the kubeconfig; empty: its current one.")
    cluster_timeout_seconds: float = setting(
        "10", read.number(1, 120), "10", "Longest wait for one answer of the API server."
    )
    webhook_service: str = setting(
        "kubedoor-mutate",
        read.text,
        "kubedoor-mutate",
        "Service in KubeDoor's namespace that the API server reaches the door by.",
    )
    webhook_port: int = setting("443", read.whole(1, 65535), "443", "Port of that Service.")
    webhook_ca_file: str = setting(
        "",
        read.file,
        "/tls/ca.crt",
        "CA that the API server checks the door's certificate with; empty: `serve`'s own, or cert-manager's injection.",
    )
    webhook_inject_ca_from: str = setting(
        "",
        read.text,
        "kubedoor/kubedoor-mutate",
        "Certificate, by namespace and name, whose CA cert-manager keeps in the webhook configuration; empty: none.",
    )
    webhook_secret: str = setting(
        "kubedoor-mutate-tls",
        read.text,
        "kubedoor-mutate-tls",
        "Secret that `python -m kubedoor certificates` keeps the door's certificate in.",
    )
    webhook_timeout_seconds: int = setting("2", read.whole(1, 30), "2", "How long the API server waits for the door.")
    failure_policy: str = setting(
        "Ignore", read.one_of("Ignore", "Fail"), "Ignore", "What the API server does when the door is away."
    )

    # People.
    admin_username: str = setting("kubedoor", read.text, "admin", "Name of the first user.")
    admin_password: str = setting(
        "kubedoor", read.text, "…", "Password of the first user until it is changed.", secret=True
    )
    session_secret: str = setting(
        "",
        read.text,
        "a long random text",
        "Key that session cookies are signed with; empty: made once and kept in the store.",
        secret=True,
    )
    session_hours: int = setting("12", read.whole(1, 720), "8", "How long a login lasts.")
    public_url: str = setting(
        "",
        read.url("http", "https"),
        "https://kubedoor.example.com",
        "Address that people open; needed for OpenID Connect, and where a proxy changes the Host header.",
    )
    trusted_proxies: tuple[str, ...] = setting(
        "",
        read.networks,
        "10.0.0.0/8,127.0.0.1",
        "Networks of the proxies in front, whose X-Forwarded-For is believed; for throttling and the audit.",
    )
    oidc_issuer: str = setting(
        "",
        read.url("http", "https"),
        "https://id.example.com/realms/main",
        "OpenID Connect issuer; empty: passwords only.",
    )
    oidc_name: str = setting("", read.text, "Example ID", "What the login page calls the provider.")
    oidc_client_id: str = setting("", read.text, "kubedoor", "Client id at the provider.")
    oidc_client_secret: str = setting(
        "", read.text, "…", "Client secret at the provider; empty: a public client, PKCE alone.", secret=True
    )
    oidc_scopes: str = setting("openid profile email", read.text, "openid profile email groups", "Scopes to ask for.")
    oidc_username_claim: str = setting("preferred_username", read.text, "email", "Claim that is the user's name.")
    oidc_role_claim: str = setting(
        "groups", read.text, "realm_access.roles", "Claim that decides the role; dots lead into objects."
    )
    oidc_role_mapping: Mapping[str, str] = setting(
        "",
        read.roles,
        "sre=admin,dev=operator,*=viewer",
        "Value of that claim = role; the greatest counts, `*` is everybody.",
    )
    oidc_ca_file: str = setting(
        "", read.file, "/etc/ssl/id-ca.crt", "CA file that the provider's certificate is checked with."
    )
    metrics_workloads: int = setting(
        "1000",
        read.whole(0, 100_000),
        "200",
        "How many workloads of each cluster `api` shows singly on /metrics, those that ask for most CPU; 0: sums only.",
    )
    metrics_token: str = setting(
        "",
        read.text,
        "a long random text",
        "Bearer token that /metrics of `api` asks for, since it names workloads; empty: it is open.",
        secret=True,
    )
    api_url: str = setting(
        "",
        read.url("http", "https"),
        "https://kubedoor.example.com",
        "A running KubeDoor that the command line talks to; empty: it works on the store itself.",
    )
    api_token: str = setting("", read.text, "kubedoor_…", "API token for it.", secret=True)
    api_ca_file: str = setting(
        "", read.file, "/etc/ssl/kubedoor-ca.crt", "CA file that its certificate is checked with."
    )
    log_level: str = setting(
        "info", read.one_of("debug", "info", "warning", "error"), "debug", "Least severity that is logged."
    )

    # No settings: what `load` makes of `clusters`.
    further: tuple[Settings, ...] = field(default=(), repr=False)
    is_home: bool = True

    @property
    def is_alone(self) -> bool:
        """There is no other cluster."""
        return self.is_home and not self.further

    @property
    def every_cluster(self) -> tuple[Settings, ...]:
        """These settings and those of the further clusters, the home cluster first."""
        return (self, *self.further)

    def for_cluster(self, name: str) -> Settings:
        """Raises NotFound that names the clusters there are."""
        for one in self.every_cluster:
            if one.cluster == name:
                return one
        there_are = ", ".join(one.cluster for one in self.every_cluster)
        raise NotFound(f"there is no cluster {name!r} here: there {'are' if self.further else 'is'} {there_are}")

    @property
    def no_access(self) -> str:
        """Why nothing can be asked of this cluster's API server; empty when it can, as far as the settings know."""
        if self.is_home or self.kubeconfig != clusters.NO_CLUSTER:
            return ""
        return (
            f"KubeDoor has no access to the API server of {self.cluster}: it is collected and shown only. Give it a"
            f" kubeconfig in {clusters.VARIABLE} to act there"
        )

    @property
    def dsn(self) -> str:
        """The store's DSN with the embedded default filled in."""
        return self.store_dsn or f"chdb://{(self.data_dir / 'clickhouse').absolute()}"

    @property
    def is_embedded(self) -> bool:
        return self.dsn.startswith("chdb://")

    @property
    def uses_sample(self) -> bool:
        """Usage is made up; UI and API say so wherever it shows."""
        return self.source == "sample" or (self.source == "auto" and not self.prometheus_url and self.is_embedded)

    @property
    def all_excluded_namespaces(self) -> tuple[str, ...]:
        return tuple(sorted({*self.excluded_namespaces, self.namespace}))

    @property
    def windows(self) -> PeakWindows:
        return PeakWindows.parse(self.peak_windows, self.time_zone, weekdays_only=self.weekdays_only)

    @property
    def snapshot_path(self) -> Path:
        return Path(self.snapshot_file).expanduser() if self.snapshot_file else self.data_dir / "snapshot.json"


@dataclass(frozen=True)
class SettingRow:
    """One setting as documents show it."""

    name: str
    variable: str
    default: str
    example: str
    meaning: str
    is_secret: bool


def table() -> tuple[SettingRow, ...]:
    """Every setting in the order of the class."""
    return tuple(
        SettingRow(
            name=entry.name,
            variable=entry.metadata["variable"] or f"KUBEDOOR_{entry.name.upper()}",
            default=entry.metadata["default"],
            example=entry.metadata["example"],
            meaning=entry.metadata["meaning"],
            is_secret=entry.metadata["secret"],
        )
        for entry in fields(Settings)
        if entry.default is MISSING
    )


def _problems_between(settings: Settings) -> list[str]:
    """What is wrong with settings that are each right by themselves."""
    problems = []
    if settings.source == "prometheus" and not settings.prometheus_url:
        problems.append(
            "KUBEDOOR_SOURCE is prometheus: set KUBEDOOR_PROMETHEUS_URL too, e.g. http://prometheus.monitoring:9090"
        )
    if bool(settings.schedule_image) != bool(settings.schedule_api_url):
        problems.append("KUBEDOOR_SCHEDULE_IMAGE and KUBEDOOR_SCHEDULE_API_URL go together: set both or neither")
    if settings.snapshot_wait_seconds >= settings.webhook_timeout_seconds:
        problems.append(
            "KUBEDOOR_SNAPSHOT_WAIT_SECONDS must be less than KUBEDOOR_WEBHOOK_TIMEOUT_SECONDS: a slow store would let every"
            " release through; set it like KUBEDOOR_SNAPSHOT_WAIT_SECONDS=1"
        )
    if bool(settings.tls_cert_file) != bool(settings.tls_key_file):
        problems.append("KUBEDOOR_TLS_CERT_FILE and KUBEDOOR_TLS_KEY_FILE go together: set both or neither")
    if settings.prometheus_bearer_token and settings.prometheus_username:
        problems.append(
            "KUBEDOOR_PROMETHEUS_BEARER_TOKEN and KUBEDOOR_PROMETHEUS_USERNAME exclude each other: unset one"
        )
    return problems


def load(environ: Mapping[str, str]) -> Settings:
    """Read and check all settings.

    Raises SettingsError with every problem: wrong values, contradictions and KUBEDOOR_ variables that do not exist.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    parsers = {entry.name: entry.metadata["parse"] for entry in fields(Settings) if entry.default is MISSING}
    rows = table()
    for row in rows:
        raw = environ.get(row.variable, "").strip()
        if not raw or raw.startswith("tcp://"):  # a Service named `kubedoor` puts KUBEDOOR_PORT=tcp://… into every pod
            raw = row.default
        try:
            values[row.name] = parsers[row.name](raw)
        except (ValueError, KubeDoorError) as error:
            shown = "its value" if row.is_secret else repr(raw)
            problems.append(f"{row.variable}: {shown} {error}; set it like {row.variable}={row.example}")
            values[row.name] = parsers[row.name](row.default)
    known = {row.variable for row in rows} | {"KUBEDOOR_TOOLBOX", "KUBEDOOR_TEST_CLICKHOUSE_URL"}
    unknown = sorted(name for name in environ if name.startswith("KUBEDOOR_") and name not in known)
    problems += [
        f"{name}: there is no such setting; see docs/settings.md" for name in unknown if not _is_service_link(name)
    ]
    settings = Settings(**values)
    problems = problems or _problems_between(settings)
    try:
        defaults = {row.name: parsers[row.name](row.default) for row in rows}
        settings = replace(settings, further=tuple(clusters.further(settings.clusters, settings, parsers, defaults)))
    except SettingsError as error:
        problems += error.details["problems"]
    if problems:
        raise SettingsError("\n".join(problems), problems=problems)
    return settings


def _is_service_link(name: str) -> bool:
    """Kubernetes puts KUBEDOOR_<SERVICE>_PORT… into every pod of a namespace that has Services named kubedoor-…."""
    return (
        "_SERVICE_HOST" in name
        or "_SERVICE_PORT" in name
        or "_PORT_" in name
        or (name.endswith("_PORT") and name.count("_") > 1)
    )
