"""`kubedoor collect`: read missing usage days and refresh the collected values."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kubedoor.cli.api_client import ApiClient
from kubedoor.cli.output import remarks
from kubedoor.errors import KubeDoorError

POLL_SECONDS = 0.5


class CollectionFailed(KubeDoorError):
    code = "collection_failed"


def add_to(app: typer.Typer) -> None:
    app.command("collect", help="Read the missing days from Prometheus and make collected values of them.")(collect)


def collect(
    context: typer.Context,
    days: Annotated[
        int | None, typer.Option(min=1, max=365, help="How many days back to look for missing ones.")
    ] = None,
    day: Annotated[str, typer.Option(help="Just this day, e.g. 2026-11-20.")] = "",
    refresh: Annotated[bool, typer.Option("--refresh", help="Collect days anew that are there already.")] = False,
    cluster: Annotated[str, typer.Option("--cluster", help="Only this cluster; else every one in turn.")] = "",
) -> None:
    api: ApiClient = context.obj
    body: dict[str, Any] = {"refresh": refresh} | ({"days": days} if days else {}) | ({"day": day} if day else {})
    names = [cluster] if cluster else [one["name"] for one in api.call("GET", "/session")["clusters"]]
    failed = []
    for name in names:
        try:
            summary = _collect(api.for_cluster(name), body)
            print(f"{name}: {summary}" if len(names) > 1 else summary)
        except KubeDoorError as error:
            # A failure of one cluster must not stop the others.
            failed.append(f"{name}: {error.message}" if len(names) > 1 else error.message)
    if failed:
        raise CollectionFailed("\n".join(failed))


def _collect(api: ApiClient, body: dict[str, Any]) -> str:
    """Collect one cluster and wait; returns a summary. Raises CollectionFailed."""
    path = f"/collect/runs/{api.call('POST', '/collect', body)['collection']}"
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=remarks()) as progress:
        task = progress.add_task("days", total=None)
        while (run := api.call("GET", path))["state"] == "running":
            progress.update(task, total=run["days_total"] or None, completed=run["days_done"])
            time.sleep(POLL_SECONDS)
        progress.update(task, total=run["days_total"], completed=run["days_done"])
    summary = f"{run['state']}: {run['days_done']} of {run['days_total']} days, {run['rows']} rows; {run['message']}"
    if run["state"] != "finished" or run["days_failed"]:
        raise CollectionFailed(summary)
    return summary
