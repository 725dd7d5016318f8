"""`kubedoor clusters` and `kubedoor checkup`: the state of each cluster, and of every dependency."""

from __future__ import annotations

from typing import Any

import typer

from kubedoor.cli.api_client import ClusterOption
from kubedoor.cli.output import Format, FormatOption, print_found, print_json, print_table


def add_to(app: typer.Typer) -> None:
    app.command("clusters", help="The clusters there are, and how each is.")(clusters)
    app.command("checkup", help="Every dependency, metric and permission: fine, or what to do. 1 if something is not.")(
        checkup
    )


def clusters(
    context: typer.Context,
    form: FormatOption = Format.TABLE,
) -> None:
    columns = ("cluster", "workloads", "last collection", "control", "remark")
    print_found(context.obj.call("GET", "/clusters"), form, columns, _cluster)


def _cluster(one: dict[str, Any]) -> tuple[object, ...]:
    name = f"{one['name']}{' (home)' if one['is_home'] else ''}"
    control = {True: "on", False: "off", None: "not known"}[one["door"]["enabled"]]
    remark = one["reason"] or one["door"]["reason"] or ("sample data" if one["is_sample"] else "")
    return name, one["workloads"], _last(one["last_collection"]), control, remark


def _last(collection: dict[str, Any] | None) -> str:
    return f"{collection['state']} {collection['last_at'][:16]}Z" if collection else "never"


def checkup(
    context: typer.Context,
    form: FormatOption = Format.TABLE,
    cluster: ClusterOption = "",
) -> None:
    found = context.obj.for_cluster(cluster).call("GET", "/checkup")
    if form is Format.JSON:
        print_json(found)
    else:
        rows = [("ok" if one["ok"] else "NOT OK", one["name"], one["detail"], one["remedy"]) for one in found["checks"]]
        print_table(("", "what", "how it is", "what to do"), rows)
    if not found["ok"]:
        raise typer.Exit(1)
