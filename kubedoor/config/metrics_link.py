"""The link from a workload's history to the same time in people's own Grafana or Prometheus: a URL with placeholders.

Pure. `{from}` and `{to}` are milliseconds since 1970, as Grafana takes them; `{days}` and `{end}` (UTC, to the second) are
for Prometheus' `range_input` and `end_input`. Values are percent-encoded, so braces of PromQL have to be, too.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import quote

from kubedoor.config.parsers import url
from kubedoor.model.values import WorkloadKey

PLACEHOLDERS = ("cluster", "namespace", "deployment", "container", "from", "to", "days", "end")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_parse_url = url("http", "https")


def template(raw: str) -> str:
    """An empty text stays empty. Raises ValueError."""
    if not raw:
        return ""
    if unknown := [name for name in _PLACEHOLDER.findall(raw) if name not in PLACEHOLDERS]:
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise ValueError(f"has {{{unknown[0]}}}: there are {known}, and a brace of a query is written %7B or %7D")
    rest = _PLACEHOLDER.sub("x", raw)
    if "{" in rest or "}" in rest:
        raise ValueError("has a single brace: one of a query is written %7B or %7D")
    if re.search(r"[\s\x00-\x1f]", raw):
        raise ValueError("has a space: it is written %20")
    host = re.split(r"[/?#]", raw.partition("//")[2])[0]
    if "{" in host or "@" in host:
        raise ValueError("has a placeholder or a user in its host: everybody who is logged in sees the link")
    _parse_url(rest)
    return raw


def filled(link: str, key: WorkloadKey, container: str, begin: datetime, end: datetime) -> str:
    """`link` for one container and the time from `begin` to `end`."""
    values = {
        "cluster": key.cluster,
        "namespace": key.namespace,
        "deployment": key.deployment,
        "container": container,
        "from": str(int(begin.timestamp() * 1000)),
        "to": str(int(end.timestamp() * 1000)),
        "days": str(max(1, round((end - begin).total_seconds() / 86400))),
        "end": f"{end.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
    }
    return _PLACEHOLDER.sub(lambda match: quote(values[match[1]], safe=""), link)
