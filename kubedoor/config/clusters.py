"""Further clusters, as KUBEDOOR_CLUSTERS lists them: read, checked, and each laid over the settings of the home cluster.

What an entry does not say is as in the home cluster, except for what leads somewhere: a cluster without a kubeconfig or a
context of its own has no API access, and one with a Prometheus of its own takes nothing from the home cluster's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from kubedoor.errors import KubeDoorError, SettingsError

if TYPE_CHECKING:
    from kubedoor.config.settings import Settings

VARIABLE = "KUBEDOOR_CLUSTERS"
EXAMPLE = "[{name: prod-2, kubeconfig: /clusters/prod-2/kubeconfig}]"
MAX_CLUSTERS = 200
NO_CLUSTER = "none"
_NAME = re.compile(r"\w[\w.-]{0,99}")
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})

Parse = Callable[[str], Any]


@dataclass(frozen=True)
class Field:
    """What an entry may say: which setting it stands for, and how it is written."""

    setting: str
    example: str
    parsed_as: str = ""
    """The setting whose values look the same, where it is not `setting` itself."""
    is_file_content: bool = False
    """The value is in the file that is named, since it is a secret."""


_FIELDS: Mapping[str, Field] = {
    "kubeconfig": Field("kubeconfig", "/clusters/prod-2/kubeconfig", parsed_as="prometheus_ca_file"),
    "context": Field("kube_context", "prod-2"),
    "service_account": Field("service_account", "system:serviceaccount:kubedoor:kubedoor-api"),
    "namespaces": Field("namespaces", "[shop, payment]"),
    "excluded_namespaces": Field("excluded_namespaces", "[kube-system, monitoring]"),
    "peak_windows": Field("peak_windows", '"20:00-21:30"'),
    "time_zone": Field("time_zone", "Europe/Berlin"),
    "weekdays_only": Field("weekdays_only", "true"),
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
    "door.namespace": Field("namespace", "kubedoor"),
    "door.service": Field("webhook_service", "kubedoor-mutate"),
    "door.port": Field("webhook_port", "443"),
    "door.ca_file": Field("webhook_ca_file", "/clusters/prod-2/door-ca.crt"),
    "door.inject_ca_from": Field("webhook_inject_ca_from", "kubedoor/kubedoor-mutate"),
    "door.failure_policy": Field("failure_policy", "Ignore"),
    "door.timeout_seconds": Field("webhook_timeout_seconds", "2"),
}
_GROUP_EXAMPLES = {
    "prometheus": "prometheus: {url: http://prometheus.prod-2:9090}",
    "door": "door: {ca_file: /clusters/prod-2/door-ca.crt}",
}


def further(raw: str, home: Settings, parsers: Mapping[str, Parse], defaults: Mapping[str, Any]) -> list[Settings]:
    """The settings of every further cluster, in the order of the list; `raw` is the list, or the file that has it.

    `parsers` and `defaults` are those of each setting. Raises SettingsError with every problem of every entry.
    """
    if not raw:
        return []
    problems: list[str] = []
    found: list[Settings] = []
    names = {home.cluster}
    for place, entry in enumerate(_entries(raw)):
        try:
            name = _name(entry, place, names)
            names.add(name)
            found.append(_laid_over(home, name, _values(entry, name, parsers), defaults))
        except SettingsError as error:
            problems += error.details["problems"]
    if problems:
        raise SettingsError("\n".join(problems), problems=problems)
    return found


def _wrong(where: str, words: str, example: str = EXAMPLE) -> SettingsError:
    problem = f"{VARIABLE}: {where}{' ' if where else ''}{words}; write it like {example}"
    return SettingsError(problem, problems=[problem])


def _entries(raw: str) -> list[Any]:
    text = raw
    if not raw.startswith(("[", "{", "-")):
        try:
            text = Path(raw).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _wrong(repr(raw), "is neither a list nor a file that can be read") from error
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _wrong("", f"is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(found, list):
        raise _wrong("", "must be a list, one entry for each further cluster")
    if len(found) > MAX_CLUSTERS:
        raise _wrong("", f"has {len(found)} clusters: {MAX_CLUSTERS} are the most")
    return found


def _name(entry: Any, place: int, taken: set[str]) -> str:
    where = f"entry {place + 1}"
    if not isinstance(entry, Mapping):
        raise _wrong(where, "must be a mapping with a name")
    name = entry.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _wrong(f"{where}: name", "must be letters, digits, dots and dashes, 100 at most", "name: prod-2")
    if name in taken:
        raise _wrong(f"{where}: name", f"{name} is taken already: KUBEDOOR_CLUSTER and every name once", "name: prod-2")
    return name


def _values(entry: Mapping[str, Any], name: str, parsers: Mapping[str, Parse]) -> dict[str, Any]:
    """The settings that the entry speaks of, by the entry's own words. Raises SettingsError with all problems."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for word, value in _flat(entry):
        try:
            values[word] = _value(word, value, parsers)
        except (ValueError, KubeDoorError) as error:
            example = f"{word}: {_FIELDS[word].example}" if word in _FIELDS else _GROUP_EXAMPLES.get(word, EXAMPLE)
            problems.append(_wrong(f"{name}: {word}", str(error), example).message)
    problems += [_wrong(name, words, example).message for words, example in _contradictions(values)]
    if problems:
        raise SettingsError("\n".join(problems), problems=problems)
    return values


def _flat(entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for word, value in entry.items():
        if word in _GROUP_EXAMPLES and isinstance(value, Mapping):
            yield from ((f"{word}.{inner}", one) for inner, one in value.items())
        elif word != "name":
            yield str(word), value


def _value(word: str, value: Any, parsers: Mapping[str, Parse]) -> Any:
    if word in _GROUP_EXAMPLES:
        raise ValueError("must be a mapping")
    if (field := _FIELDS.get(word)) is None:
        there_are = [one for one in _FIELDS if one.partition(".")[0] == word.partition(".")[0] and "." in word]
        raise ValueError(f"is not known: there are {', '.join(there_are or ['name', *_FIELDS])}")
    text = _text(value)
    if field.is_file_content:
        text = _content(text)
    if word == "prometheus.headers" and (secret := _secret_header(value)):
        raise ValueError(f"has {secret}, which is a secret: put it into the file of prometheus.headers_file")
    try:
        return parsers[field.parsed_as or field.setting](text)
    except ValueError as error:
        if field.is_file_content:
            raise ValueError(f"names a file whose content {error}") from None
        raise ValueError(f"{text!r} {error}") from None


def _text(value: Any) -> str:
    """As the setting's variable would have it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value).strip()
    if isinstance(value, list):
        return ",".join(_text(one) for one in value)
    if isinstance(value, Mapping):
        return ",".join(f"{name}={_text(one)}" for name, one in value.items())
    raise ValueError("has no value")


def _content(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path!r} names a file that cannot be read") from error


def _secret_header(value: Any) -> str:
    names: Iterable[str] = (
        value if isinstance(value, Mapping) else (pair.partition("=")[0] for pair in str(value).split(","))
    )
    return next((str(name) for name in names if str(name).strip().lower() in _SECRET_HEADERS), "")


def _contradictions(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if any(word.startswith("prometheus.") for word in values) and not values.get("prometheus.url"):
        yield "has a prometheus without its url", _GROUP_EXAMPLES["prometheus"]
    if "prometheus.username" in values and "prometheus.bearer_token_file" in values:
        yield "has a bearer token and a user for Prometheus: one of them", "prometheus: {username: kubedoor}"
    if ("prometheus.username" in values) != ("prometheus.password_file" in values):
        yield (
            "needs prometheus.username and prometheus.password_file together",
            "prometheus: {username: kubedoor, password_file: /clusters/prod-2/password}",
        )


def _laid_over(home: Settings, name: str, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> Settings:
    """`home` as it is for the cluster `name`."""
    changes: dict[str, Any] = {
        **_own_places(home, name, values),
        **(_own_prometheus(home, defaults) if "prometheus.url" in values else {}),
        **{_FIELDS[word].setting: value for word, value in values.items()},
    }
    if headers := {**values.get("prometheus.headers", {}), **values.get("prometheus.headers_file", {})}:
        changes["prometheus_headers"] = headers
    if "door.ca_file" in values and "door.inject_ca_from" not in values:
        changes["webhook_inject_ca_from"] = ""
    laid: Settings = replace(home, **changes)
    if not laid.uses_sample and "prometheus.url" not in values and not home.cluster_label:
        raise _wrong(
            name,
            "has no Prometheus of its own, and without KUBEDOOR_CLUSTER_LABEL nothing tells it apart in the home cluster's",
            f"KUBEDOOR_CLUSTER_LABEL=env, or {_GROUP_EXAMPLES['prometheus']}",
        )
    return laid


def _own_places(home: Settings, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """What must not be shared with the home cluster."""
    has_access = bool(values.get("kubeconfig") or values.get("context"))
    at_home = home.kubeconfig if home.kubeconfig != NO_CLUSTER else ""
    return {
        "cluster": name,
        "is_home": False,
        "clusters": "",
        "further": (),
        "kubeconfig": at_home if has_access else NO_CLUSTER,
        "kube_context": "",
        # Nothing can be published where nobody lets us in.
        "snapshot_configmap": home.snapshot_configmap if has_access else "",
        "snapshot_file": str(home.data_dir / f"snapshot-{name}.json"),
        "webhook_ca_file": "",
        "tls_cert_file": "",
        "tls_key_file": "",
    }


def _own_prometheus(home: Settings, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Nothing of the home cluster's but how it is to be dealt with."""
    kept = ("prometheus_timeout_seconds", "prometheus_concurrency")
    forgotten = {name: value for name, value in defaults.items() if name.startswith("prometheus_") and name not in kept}
    return {**forgotten, "source": "prometheus", "cluster_label": ""}
