"""The entries of KUBEDOOR_CLUSTERS: each names a further cluster and the settings in which it differs from the home cluster."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kubedoor.config import settings
from kubedoor.config.settings import CLUSTERS_VARIABLE
from kubedoor.errors import KubeDoorError, SettingsError

MAX_CLUSTERS = 200
EXAMPLE = "[{name: prod-2, kubeconfig: /clusters/prod-2/kubeconfig}]"
GROUP_EXAMPLES = {
    "prometheus": "prometheus: {url: http://prometheus.prod-2:9090}",
    "door": "door: {ca_file: /clusters/prod-2/door-ca.crt}",
}
_NAME = re.compile(r"\w[\w.-]{0,99}")
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})


class Field(NamedTuple):
    """A key of an entry: the field of Settings that it sets."""

    setting: str
    example: str
    parsed_as: str = ""
    """The setting whose parser reads the value, if not that of `setting`."""
    is_file_content: bool = False
    """The entry names a file that contains the value, because the value is a secret."""


FIELDS: Mapping[str, Field] = {
    "kubeconfig": Field("kubeconfig", "/clusters/prod-2/kubeconfig", parsed_as="prometheus_ca_file"),
    "context": Field("kube_context", "prod-2"),
    "service_account": Field("service_account", "system:serviceaccount:kubedoor:kubedoor-api"),
    "namespaces": Field("namespaces", "[shop, payment]"),
    "excluded_namespaces": Field("excluded_namespaces", "[kube-system, monitoring]"),
    "peak_windows": Field("peak_windows", '"20:00-21:30"'),
    "time_zone": Field("time_zone", "Europe/Berlin"),
    "weekdays_only": Field("weekdays_only", "true"),
    "metrics_link": Field("metrics_link", "https://grafana.example.com/d/pods?var-namespace={namespace}"),
    "prometheus.url": Field("prometheus_url", "http://prometheus.prod-2:9090"),
    "prometheus.label": Field("cluster_label", "env"),
    "prometheus.bearer_token_file": Field("prometheus_bearer_token_file", "/clusters/prod-2/token"),
    "prometheus.username": Field("prometheus_username", "kubedoor"),
    "prometheus.password_file": Field("prometheus_password", "/clusters/prod-2/password", is_file_content=True),
    "prometheus.headers": Field("prometheus_headers", "{X-Scope-OrgID: prod-2}"),
    "prometheus.headers_file": Field("prometheus_headers", "/clusters/prod-2/headers", is_file_content=True),
    "prometheus.ca_file": Field("prometheus_ca_file", "/clusters/prod-2/ca.crt"),
    "prometheus.timeout_seconds": Field("prometheus_timeout_seconds", "60"),
    "prometheus.concurrency": Field("prometheus_concurrency", "1"),
    "door.mode": Field("door", "both"),
    "door.namespace": Field("namespace", "kubedoor"),
    "door.service": Field("webhook_service", "kubedoor-mutate"),
    "door.port": Field("webhook_port", "443"),
    "door.ca_file": Field("webhook_ca_file", "/clusters/prod-2/door-ca.crt"),
    "door.inject_ca_from": Field("webhook_inject_ca_from", "kubedoor/kubedoor-mutate"),
    "door.failure_policy": Field("failure_policy", "Ignore"),
    "door.timeout_seconds": Field("webhook_timeout_seconds", "2"),
}
"""By key; a key with a dot is in the mapping that its first part names."""
_ROWS = {row.name: row for row in settings.table()}


def problem(where: str, words: str, example: str = EXAMPLE) -> SettingsError:
    """`where` is the entry and its key; empty for the list as a whole."""
    message = f"{CLUSTERS_VARIABLE}: {where}{' ' if where else ''}{words}; write it like {example}"
    return SettingsError(message, problems=[message])


def entries(raw: str) -> list[Any]:
    """The list that `raw` is, or that the file named `raw` contains; unchecked. Raises SettingsError if it is no list."""
    import yaml  # here: most installations have one cluster, and every start would wait for it

    text = raw
    if not raw.startswith(("[", "{", "-")):
        try:
            text = Path(raw).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError, RuntimeError) as error:
            # Only a name of a file is shown: a list that is none may have an address with a password.
            shown = repr(raw) if "\n" not in raw and ":" not in raw else "its value"
            raise problem(shown, "is neither a list nor a file that can be read") from error
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise problem("", f"is not YAML{_place(error)}") from error
    if not isinstance(found, list):
        raise problem("", "must be a list, one entry for each further cluster")
    if len(found) > MAX_CLUSTERS:
        raise problem("", f"has {len(found)} clusters: {MAX_CLUSTERS} are the most")
    return found


def _place(error: Exception) -> str:
    """Where the error is, without the text there, which may be a secret."""
    mark = getattr(error, "problem_mark", None)
    return f": look at line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def name_of(entry: Any, number: int, taken: Collection[str]) -> str:
    """The name in `entry`, which is the entry `number`, counted from 1. Raises SettingsError."""
    where = f"entry {number}"
    if not isinstance(entry, Mapping):
        raise problem(where, "must be a mapping with a name")
    name = entry.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise problem(f"{where}: name", "must be letters, digits, dots and dashes, 100 at most", "name: prod-2")
    if name in taken:
        raise problem(
            f"{where}: name", f"{name} is taken already: KUBEDOOR_CLUSTER and every name once", "name: prod-2"
        )
    return name


def values_of(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The parsed values in `entry` by key. Raises SettingsError with all problems of the entry."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for key, value in _flat(entry):
        try:
            values[key] = _parsed(key, value)
        except (ValueError, KubeDoorError) as error:
            example = f"{key}: {FIELDS[key].example}" if key in FIELDS else GROUP_EXAMPLES.get(key, EXAMPLE)
            problems.append(problem(f"{name}: {key}", str(error), example).message)
    problems += [problem(name, words, example).message for words, example in _contradictions(values)]
    if problems:
        raise SettingsError("\n".join(problems), problems=problems)
    return values


def _flat(entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keys with a dot in place of nested mappings; without the name."""
    for key, value in entry.items():
        if key in GROUP_EXAMPLES and isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", one) for inner, one in value.items())
        elif key != "name":
            yield str(key), value


def _parsed(key: str, value: Any) -> Any:
    if key in GROUP_EXAMPLES:
        raise ValueError("must be a mapping")
    if (field := FIELDS.get(key)) is None:
        there_are = [one for one in FIELDS if one.partition(".")[0] == key.partition(".")[0] and "." in key]
        raise ValueError(f"is not known: there are {', '.join(there_are or ['name', *FIELDS])}")
    text = _as_text(value)
    if field.is_file_content:
        text = _file_content(text)
    if key == "prometheus.headers" and (secret := _secret_header(value)):
        raise ValueError(f"has {secret}, which is a secret: put it into the file of prometheus.headers_file")
    row = _ROWS[field.parsed_as or field.setting]
    try:
        return row.parse(text)
    except ValueError as error:
        if field.is_file_content:
            raise ValueError(f"names a file whose content {error}") from None
        raise ValueError(f"{text!r} {error}" if row.is_shown else str(error)) from None


def _as_text(value: Any) -> str:
    """The value as the environment variable of the setting would give it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value).strip()
    if isinstance(value, list):
        return ",".join(_as_text(one) for one in value)
    if isinstance(value, Mapping):
        return ",".join(f"{name}={_as_text(one)}" for name, one in value.items())
    raise ValueError("has no value")


def _file_content(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError, RuntimeError) as error:
        raise ValueError(f"{path!r} names a file that cannot be read") from error


def _secret_header(value: Any) -> str:
    """The first header that carries a secret; empty if there is none."""
    names: Iterable[str] = (
        value if isinstance(value, Mapping) else (pair.partition("=")[0] for pair in str(value).split(","))
    )
    return next((str(name) for name in names if str(name).strip().lower() in _SECRET_HEADERS), "")


def _contradictions(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each with an example of how to write it."""
    if any(key.startswith("prometheus.") for key in values) and not values.get("prometheus.url"):
        yield "has a prometheus without its url", GROUP_EXAMPLES["prometheus"]
    if "prometheus.username" in values and "prometheus.bearer_token_file" in values:
        yield "has a bearer token and a user for Prometheus: one of them", "prometheus: {username: kubedoor}"
    if ("prometheus.username" in values) != ("prometheus.password_file" in values):
        yield (
            "needs prometheus.username and prometheus.password_file together",
            "prometheus: {username: kubedoor, password_file: /clusters/prod-2/password}",
        )
