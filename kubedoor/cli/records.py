"""`kubedoor record`: the audit of changes, and the admissions of the door."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from kubedoor.admission.decision import Outcome
from kubedoor.cli.api_client import ApiClient, ClusterOption
from kubedoor.cli.output import Format, RowsFormat, RowsFormatOption, print_found, write_out
from kubedoor.errors import SettingsError

PAGE_ROWS = 1000
DEFAULT_ROWS = 100
_AGO = re.compile(r"(\d{1,6})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

WHO = typer.Option(help="Only by this person, token or schedule: the whole name.")
NAMESPACE = typer.Option(help="Only in this namespace.")
DEPLOYMENT = typer.Option(help="Only Deployments of this name.")
SINCE = typer.Option(help="From then on: 30m, 12h or 7d ago, or e.g. 2026-11-24T18:00, which is UTC.")
UNTIL = typer.Option(help="Before then; as --since.")
LIMIT = typer.Option(min=1, help=f"How many, the newest first; else {DEFAULT_ROWS}, as csv all.")


def add_to(app: typer.Typer) -> None:
    record = typer.Typer(help="What people changed, and what the door did; kept a year.", no_args_is_help=True)
    record.command("changes", help="By anybody; without --cluster in all clusters.")(changes)
    record.command("admissions", help="What the door did.")(admissions)
    app.add_typer(record, name="record")


def changes(
    context: typer.Context,
    who: Annotated[str, WHO] = "",
    action: Annotated[str, typer.Option(help="Only this, e.g. workload.edit or control.on.")] = "",
    target: Annotated[str, typer.Option(help="Only targets with this in them.")] = "",
    namespace: Annotated[str, NAMESPACE] = "",
    deployment: Annotated[str, DEPLOYMENT] = "",
    outcome: Annotated[str, typer.Option(help="done or failed.")] = "",
    since: Annotated[str, SINCE] = "",
    until: Annotated[str, UNTIL] = "",
    limit: Annotated[int | None, LIMIT] = None,
    form: RowsFormatOption = RowsFormat.TABLE,
    cluster: Annotated[str, typer.Option("--cluster", help="Only there, and what is common to all clusters.")] = "",
) -> None:
    query = {
        "who": who,
        "action": action,
        "target": target,
        "namespace": namespace,
        "deployment": deployment,
        "outcome": outcome,
        **_times(since, until),
    }
    columns = ("at (UTC)", "who", "via", "action", "target", "before -> after", "")
    _print_rows(context.obj.for_cluster(cluster), "/audit", query, limit, form, columns, _change)


def _change(row: dict[str, Any]) -> tuple[str, ...]:
    outcome = "" if row["outcome"] == "done" else row["outcome"]
    changed = difference(row["before"], row["after"])
    return row["at"][:19], row["who"], row["via"], row["action"], row["target"], changed, outcome


def admissions(
    context: typer.Context,
    who: Annotated[str, typer.Option(help="Only requests of this Kubernetes user: the whole name.")] = "",
    operation: Annotated[str, typer.Option(help="CREATE or UPDATE.")] = "",
    target: Annotated[str, typer.Option(help="Only NAMESPACE/DEPLOYMENT with this in them.")] = "",
    namespace: Annotated[str, NAMESPACE] = "",
    deployment: Annotated[str, DEPLOYMENT] = "",
    outcome: Annotated[Outcome | None, typer.Option(help="Only those that ended so.")] = None,
    since: Annotated[str, SINCE] = "",
    until: Annotated[str, UNTIL] = "",
    limit: Annotated[int | None, LIMIT] = None,
    form: RowsFormatOption = RowsFormat.TABLE,
    cluster: ClusterOption = "",
) -> None:
    query = {
        "who": who,
        "action": operation,
        "target": target,
        "namespace": namespace,
        "deployment": deployment,
        "outcome": outcome or "",
        **_times(since, until),
    }
    columns = ("at (UTC)", "workload", "operation", "by", "outcome", "before -> after", "why")
    _print_rows(context.obj.for_cluster(cluster), "/admissions", query, limit, form, columns, _admission)


def _admission(row: dict[str, Any]) -> tuple[str, ...]:
    workload = f"{row['namespace']}/{row['deployment']}"
    operation = "/".join(filter(None, (row["operation"], row["subresource"])))
    why = "; ".join([row["reason"], *row["warnings"]])
    changed = difference(row["before"], row["after"])
    who = row["by"] or row["username"]
    return row["at"][:19], workload, operation, who, row["outcome"], changed, why


def _print_rows(
    api: ApiClient,
    path: str,
    query: dict[str, str],
    limit: int | None,
    form: RowsFormat,
    columns: Sequence[str],
    cells: Callable[[dict[str, Any]], Sequence[object]],
) -> None:
    if form is RowsFormat.CSV:
        api.download(f"{path}/export", write_out, limit=limit, **query)
        return
    rows = list(_rows(api, path, query, limit or DEFAULT_ROWS))
    print_found(rows, Format(form), columns, cells)


def _rows(api: ApiClient, path: str, query: dict[str, str], limit: int) -> Iterator[dict[str, Any]]:
    """Up to `limit` rows, read page by page."""
    after_last: dict[str, str] = {}
    while limit > 0:
        page_size = min(limit, PAGE_ROWS)
        page = api.call("GET", path, limit=page_size, **query, **after_last)
        yield from page
        if len(page) < page_size:
            return
        after_last = {"before": page[-1]["at"], "before_id": page[-1]["id"]}
        limit -= page_size


def _times(since: str, until: str) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "since": instant(since, now=now, option="--since") if since else "",
        "until": instant(until, now=now, option="--until") if until else "",
    }


def instant(text: str, *, now: datetime, option: str) -> str:
    """ISO 8601 in UTC, from an age such as `12h` or from a time (UTC if it has no offset). Raises SettingsError."""
    try:
        if ago := _AGO.fullmatch(text):
            return (now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).isoformat()
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        problem = f"{option} {text}: write 30m, 12h or 7d for so long ago, or a time such as 2026-11-24T18:00"
        raise SettingsError(problem, problems=[problem]) from None


def difference(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The changed fields only, e.g. `replicas 3 -> 5`."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return ", ".join(f"{name} {_word(before.get(name))} -> {_word(after.get(name))}" for name in names)


def _word(value: Any) -> str:
    if value is None:
        return "(none)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
