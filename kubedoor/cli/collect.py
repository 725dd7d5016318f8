"""`kubedoor collect`: read missing usage days and refresh the collected values."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, TypeAlias

import typer

from kubedoor.cli.api_client import ApiClient
from kubedoor.cli.output import progress
from kubedoor.config.clusters import ClusterSettings
from kubedoor.errors import KubeDoorError
from kubedoor.runtime import logs

POLL_SECONDS = 0.5
Body: TypeAlias = Mapping[str, Any]
"""Of POST /collect."""
State: TypeAlias = Mapping[str, Any]
"""As GET /collect/runs/{collection} answers."""
ListClusters: TypeAlias = Callable[[], list[str]]
CollectOne: TypeAlias = Callable[[str, Body], Iterator[State]]
"""Collects the cluster of this name; the states until it has ended, the last one too."""


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
    every_cluster, collect_one = _by_api(api) if api.url else _by_store(api.settings)
    names = [cluster] if cluster else every_cluster()
    failed = []
    for name in names:
        try:
            summary = _collect(partial(collect_one, name, body))
            print(f"{name}: {summary}" if len(names) > 1 else summary)
        except KubeDoorError as error:
            # A failure of one cluster must not stop the others.
            failed.append(f"{name}: {error.message}" if len(names) > 1 else error.message)
    if failed:
        raise CollectionFailed("\n".join(failed))


def _collect(states: Callable[[], Iterator[State]]) -> str:
    """Collect one cluster and wait; returns a summary. Raises CollectionFailed."""
    with progress() as bar:
        task = bar.add_task("days", total=None)
        for run in states():
            bar.update(task, total=run["days_total"] or None, completed=run["days_done"])
        bar.update(task, total=run["days_total"])
    summary = f"{run['state']}: {run['days_done']} of {run['days_total']} days, {run['rows']} rows; {run['message']}"
    if run["state"] != "finished" or run["days_failed"]:
        raise CollectionFailed(summary)
    return summary


def _by_api(api: ApiClient) -> tuple[ListClusters, CollectOne]:
    """The clusters of a running KubeDoor, and how to have it collect one of them."""

    def states(name: str, body: Body) -> Iterator[State]:
        there = api.for_cluster(name)
        path = f"/collect/runs/{there.call('POST', '/collect', body)['collection']}"
        while (run := there.call("GET", path))["state"] == "running":
            yield run
            time.sleep(POLL_SECONDS)
        yield run

    return lambda: [one["name"] for one in api.call("GET", "/session")["clusters"]], states


def _by_store(settings: ClusterSettings) -> tuple[ListClusters, CollectOne]:
    """The clusters of the settings, and how to collect one of them here: without the web application, which takes longer
    to start than a collection that has nothing to do.
    """
    from kubedoor.cli.collecting import states_of

    logs.configure("error")

    def states(name: str, body: Body) -> Iterator[State]:
        return states_of(settings.for_cluster(name), body, is_alone=settings.is_alone)

    return lambda: [one.cluster for one in settings.every_cluster], states
