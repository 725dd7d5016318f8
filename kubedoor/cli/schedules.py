"""`kubedoor schedules`: actions that run once at a time, or repeatedly by a cron expression."""

from __future__ import annotations

import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer

from kubedoor.cli.actions import (
    AT_ONCE,
    DEADLINE,
    INTERVAL,
    KIND,
    NOTE,
    ORDER,
    REPLICAS,
    WORKLOADS_HELP,
    ActionNotDone,
    follow,
    minutes,
    target,
)
from kubedoor.cli.api_client import ApiClient, ClusterOption
from kubedoor.cli.output import Format, FormatOption, print_found, print_json, print_table
from kubedoor.operations.request import Kind, Order

ScheduleArgument = Annotated[str, typer.Argument(help="Its id, as `schedules list` shows it.")]
CRON = typer.Option(help="Again and again: five fields, as a CronJob has.")
AT = typer.Option(help="Once: e.g. 2026-12-24T18:30, local to the time zone.")
ZONE = typer.Option(help="IANA name; else that of the settings.")
RETURN_AFTER = typer.Option(
    help="A scale to a number goes back by itself after this time: 90m, 2h or 1d; 0: it does not."
)


def add_to(app: typer.Typer) -> None:
    schedules = typer.Typer(help="Actions at a time, once or again and again.", no_args_is_help=True)
    schedules.command("list")(list_schedules)
    schedules.command("show", help="What it does, its newest runs, and those that were missed.")(show_schedule)
    schedules.command("create", help="With --cron or --at; prints its id.")(create_schedule)
    schedules.command("change", help="What is not given stays.")(change_schedule)
    schedules.command("next", help="When a cron expression comes next, in UTC.")(next_times)
    schedules.command("pause")(pause_schedule)
    schedules.command("resume")(resume_schedule)
    schedules.command("run", help="Now, out of turn, followed to its end; 1 if not all is done.")(run_schedule)
    schedules.command("end", help="End a temporary scale now, by the id of its return; 1 if not all is done.")(
        end_schedule
    )
    schedules.command("keep", help="Keep the number of a temporary scale, by the id of its return.")(keep_schedule)
    schedules.command("delete")(delete_schedule)
    app.add_typer(schedules, name="schedules")


def list_schedules(context: typer.Context, form: FormatOption = Format.TABLE, cluster: ClusterOption = "") -> None:
    columns = ("schedule", "name", "what", "state", "when", "zone", "next (UTC)", "")
    print_found(context.obj.for_cluster(cluster).call("GET", "/schedules"), form, columns, _schedule)


def _schedule(one: dict[str, Any]) -> tuple[str, ...]:
    when, following = one["cron"] or one["at"], one["next_at"] or "never"
    missed = f"{one['missed_count']} missed" if one["missed_count"] else ""
    what = temporary(one) or one["kind"]
    return one["schedule"], one["name"], what, one["state"], when, one["time_zone"], following, missed


def show_schedule(
    context: typer.Context,
    schedule: ScheduleArgument,
    form: FormatOption = Format.TABLE,
    cluster: ClusterOption = "",
) -> None:
    found = context.obj.for_cluster(cluster).call("GET", _path(schedule))
    if form is Format.JSON:
        print_json(found)
        return
    workloads = [
        f"{one['namespace']}/{one['deployment']}{_count(one['replicas'])}{_left(one)}" for one in found["workloads"]
    ]
    what = temporary(found) or f"{found['kind']}{_count(found['replicas'])}"
    print(f"{found['name']}: {what} {', '.join(workloads)}")
    print(f"{found['state']}, {found['cron'] or found['at']} {found['time_zone']}; next at {_next(found)} (UTC)")
    runs = [(run["due"], run["begun_by"], run["action"] or "", run["message"] or "") for run in found["runs"]]
    missed = [(due, "nobody", "", "missed") for due in found["missed"]]
    print_table(("due (UTC)", "begun by", "action", "message"), sorted(runs + missed, reverse=True))


def create_schedule(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What people know it by.")],
    kind: Annotated[Kind, KIND],
    workloads: Annotated[list[str], typer.Argument(help=WORKLOADS_HELP)],
    cron: Annotated[str, CRON] = "",
    at: Annotated[str, AT] = "",
    time_zone: Annotated[str, ZONE] = "",
    replicas: Annotated[int | None, REPLICAS] = None,
    return_after: Annotated[str, RETURN_AFTER] = "0",
    keep_going: Annotated[bool, typer.Option(help="Do not stop on the first failure.")] = False,
    at_once: Annotated[int, AT_ONCE] = 1,
    interval: Annotated[float, INTERVAL] = 0,
    deadline: Annotated[float, DEADLINE] = 600,
    order: Annotated[Order, ORDER] = Order.GIVEN,
    note: Annotated[str, NOTE] = "",
    form: FormatOption = Format.TABLE,
    cluster: ClusterOption = "",
) -> None:
    body = {
        "name": name,
        "kind": kind,
        "workloads": [target(kind, word) for word in workloads],
        "cron": cron,
        "at": at,
        "time_zone": time_zone,
        "replicas": replicas,
        "return_after_minutes": _minutes(return_after),
        "stop_on_failure": not keep_going,
        "at_once": at_once,
        "interval_seconds": interval,
        "deadline_seconds": deadline,
        "order": order,
        "note": note,
    }
    _print_saved(context.obj.for_cluster(cluster).call("POST", "/schedules", body), form)


def change_schedule(
    context: typer.Context,
    schedule: ScheduleArgument,
    workloads: Annotated[list[str] | None, typer.Argument(help=f"Instead of those it has. {WORKLOADS_HELP}")] = None,
    name: Annotated[str | None, typer.Option(help="What people know it by.")] = None,
    cron: Annotated[str | None, CRON] = None,
    at: Annotated[str | None, AT] = None,
    time_zone: Annotated[str | None, ZONE] = None,
    replicas: Annotated[int | None, REPLICAS] = None,
    return_after: Annotated[str | None, RETURN_AFTER] = None,
    keep_going: Annotated[bool | None, typer.Option(help="Go on after a failure, or stop on the first.")] = None,
    at_once: Annotated[int | None, AT_ONCE] = None,
    interval: Annotated[float | None, INTERVAL] = None,
    deadline: Annotated[float | None, DEADLINE] = None,
    order: Annotated[Order | None, ORDER] = None,
    note: Annotated[str | None, NOTE] = None,
    form: FormatOption = Format.TABLE,
    cluster: ClusterOption = "",
) -> None:
    """Read, modify, replace. The PUT names the version that was read, so a concurrent edit is never overwritten."""
    api: ApiClient = context.obj.for_cluster(cluster)
    before = api.call("GET", _path(schedule))
    options = {
        "name": name,
        "workloads": [target(Kind(before["kind"]), word) for word in workloads] if workloads else None,
        "time_zone": time_zone,
        "replicas": replicas,
        "return_after_minutes": None if return_after is None else _minutes(return_after),
        "stop_on_failure": None if keep_going is None else not keep_going,
        "at_once": at_once,
        "interval_seconds": interval,
        "deadline_seconds": deadline,
        "order": order,
        "note": note,
    }
    given = {field: value for field, value in options.items() if value is not None}
    when = _when(before) if cron is None and at is None else {"cron": cron or "", "at": at or ""}
    _print_saved(api.call("PUT", _path(schedule), {**_as_request(before), **when, **given}), form)


def _minutes(text: str) -> int:
    return 0 if text == "0" else minutes(text)


def _when(before: dict[str, Any]) -> dict[str, str]:
    return {"cron": before["cron"] or "", "at": before["at"] or ""}


def _as_request(before: dict[str, Any]) -> dict[str, Any]:
    """Converts a schedule of a response into the body of a request."""
    same = (
        "name",
        "kind",
        "time_zone",
        "replicas",
        "stop_on_failure",
        "at_once",
        "interval_seconds",
        "deadline_seconds",
        "order",
        "note",
        "version",
    )
    workloads = [{name: one[name] for name in ("namespace", "deployment", "replicas")} for one in before["workloads"]]
    return_after = before["return_after_minutes"] or 0
    return {**{name: before[name] for name in same}, "workloads": workloads, "return_after_minutes": return_after}


def next_times(
    context: typer.Context,
    cron: Annotated[str, typer.Argument(help="Five fields, in quotes.")],
    time_zone: Annotated[str, ZONE] = "",
    count: Annotated[int, typer.Option(min=1, max=20, help="How many.")] = 5,
) -> None:
    for at in context.obj.call("POST", "/schedules/preview", {"cron": cron, "time_zone": time_zone}, count=count):
        print(at)


def pause_schedule(context: typer.Context, schedule: ScheduleArgument, cluster: ClusterOption = "") -> None:
    print(f"{_post(context, cluster, schedule, 'pause')['name']} is paused")


def resume_schedule(context: typer.Context, schedule: ScheduleArgument, cluster: ClusterOption = "") -> None:
    found = _post(context, cluster, schedule, "resume")
    print(f"{found['name']} is active, next at {_next(found)}")


def run_schedule(
    context: typer.Context,
    schedule: ScheduleArgument,
    form: FormatOption = Format.TABLE,
    cluster: ClusterOption = "",
) -> None:
    # The run begun last, not the one due last: a run that gives up a return is due later.
    begun = max(_post(context, cluster, schedule, "run")["runs"], key=lambda run: str(run["begun_at"]))
    if begun["action"] is None and begun["message"] == "":
        # The return of a temporary scale with a newer one on top: the return of the newer one restores the replicas.
        print("there is nothing to be done yet")
        return
    if begun["action"] is None:
        raise ActionNotDone(begun["message"] or f"its result is not known yet; see kubedoor schedules show {schedule}")
    # Wait for the end: without a running KubeDoor this process executes the action.
    follow(context.obj, begun["action"], form)


def end_schedule(
    context: typer.Context,
    schedule: ScheduleArgument,
    form: FormatOption = Format.TABLE,
    cluster: ClusterOption = "",
) -> None:
    api: ApiClient = context.obj.for_cluster(cluster)
    action = api.call("POST", f"{_path(schedule)}/end")["action"]
    if action is None:
        print("there is nothing to bring back: a newer temporary scale is on top")
        return
    follow(api, action, form)


def keep_schedule(context: typer.Context, schedule: ScheduleArgument, cluster: ClusterOption = "") -> None:
    api: ApiClient = context.obj.for_cluster(cluster)
    kept = api.call("GET", _path(schedule))["workloads"]
    api.call("POST", f"{_path(schedule)}/keep")
    for one in kept:
        print(f"{one['namespace']}/{one['deployment']} keeps {one['temporary_replicas']}")


def temporary(found: dict[str, Any]) -> str:
    """What a return ends, in numbers: `6, then 3`; empty: it is no return."""
    pairs = {(one["temporary_replicas"], one["returns_to"]) for one in found["workloads"]} if found["parent"] else set()
    return "; ".join(sorted(f"{now}, then {then}" for now, then in pairs))


def delete_schedule(context: typer.Context, schedule: ScheduleArgument, cluster: ClusterOption = "") -> None:
    context.obj.for_cluster(cluster).call("DELETE", _path(schedule))
    print(f"{schedule} is gone")


def _post(context: typer.Context, cluster: str, schedule: str, command: str) -> dict[str, Any]:
    found: dict[str, Any] = context.obj.for_cluster(cluster).call("POST", f"{_path(schedule)}/{command}")
    return found


def _path(schedule: str) -> str:
    return f"/schedules/{quote(schedule, safe='')}"


def _count(replicas: int | None) -> str:
    return "" if replicas is None else f"={replicas}"


def _left(workload: dict[str, Any]) -> str:
    """How far the return of a workload is."""
    if not workload["return_state"]:
        return ""
    message = f": {workload['message']}" if workload["message"] else ""
    return f" ({workload['return_state']}{message})"


def _next(found: dict[str, Any]) -> str:
    return str(found["next_at"] or "no time")


def _print_saved(found: dict[str, Any], form: Format) -> None:
    if form is Format.JSON:
        print_json(found)
        return
    print(f"{found['schedule']}: {found['name']}, next at {_next(found)}")
    for warning in found["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
