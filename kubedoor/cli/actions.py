"""`kubedoor act` and `kubedoor actions`: start, watch and cancel the actions that the web UI offers too."""

from __future__ import annotations

import time
from enum import StrEnum
from itertools import chain
from typing import Annotated, Any
from urllib.parse import quote

import typer

from kubedoor.cli.api_client import ApiClient, ClusterOption
from kubedoor.cli.output import Format, FormatOption, print_found, print_json, print_table, progress, remarks
from kubedoor.errors import KubeDoorError, SettingsError
from kubedoor.operations.request import MAX_TARGETS, Kind, Order

POLL_SECONDS = 1.0
MINUTES = {"m": 1, "h": 60, "d": 24 * 60}
WORKLOADS_HELP = "NAMESPACE/DEPLOYMENT, for scale also NAMESPACE/DEPLOYMENT=5."
KIND = typer.Argument(help="scale, restart, apply or restore.")
ALL = typer.Option("--all", help="restore: every workload whose requests or limits the door has replaced.")
REPLICAS = typer.Option(min=0, help="scale: becomes the manual value; without it, to the control values.")
AT_ONCE = typer.Option(min=1, max=20, help="How many workloads may be under way.")
INTERVAL = typer.Option(min=0, max=3600, help="Seconds before each further workload.")
DEADLINE = typer.Option(min=5, max=7200, help="Seconds for one rollout to become healthy.")
ORDER = typer.Option(help="Which comes first.")
BACK_AFTER = typer.Option(help="scale to a number: back by itself after this time, e.g. 90m, 2h or 1d.")
UNTIL = typer.Option(help="scale to a number: back by itself at this time, e.g. 2026-12-24T19:55.")
NOTE = typer.Option(help="For the record.")
ActionArgument = Annotated[str, typer.Argument(help="Its id, as `actions list` shows it.")]


class State(StrEnum):
    RUNNING = "running"
    CANCELLING = "cancelling"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"


class ActionNotDone(KubeDoorError):
    code = "action_not_done"


def add_to(app: typer.Typer) -> None:
    text = "Scale, restart, apply control values, or restore what was asked for, workload after workload; 1 if not all is done."
    app.command("act", help=text)(act)
    actions = typer.Typer(help="What has been started.", no_args_is_help=True)
    actions.command("list")(list_actions)
    actions.command("show")(show_action)
    actions.command("cancel", help="Begin no further workload.")(cancel_action)
    app.add_typer(actions, name="actions")


def act(
    context: typer.Context,
    kind: Annotated[Kind, KIND],
    workloads: Annotated[list[str] | None, typer.Argument(help=WORKLOADS_HELP, show_default=False)] = None,
    every: Annotated[bool, ALL] = False,
    replicas: Annotated[int | None, REPLICAS] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")] = False,
    skip_refused: Annotated[bool, typer.Option(help="Go on with the others where a workload is refused.")] = False,
    keep_going: Annotated[bool, typer.Option(help="Do not stop on the first failure.")] = False,
    at_once: Annotated[int, AT_ONCE] = 1,
    interval: Annotated[float, INTERVAL] = 0,
    deadline: Annotated[float, DEADLINE] = 600,
    order: Annotated[Order, ORDER] = Order.GIVEN,
    note: Annotated[str, NOTE] = "",
    back_after: Annotated[str, BACK_AFTER] = "",
    until: Annotated[str, UNTIL] = "",
    form: FormatOption = Format.TABLE,
    cluster: ClusterOption = "",
) -> None:
    api: ApiClient = context.obj.for_cluster(cluster)
    targets = _targets(api, kind, workloads or [], every=every)
    body = {
        "kind": kind,
        "replicas": replicas,
        "dry_run": dry_run,
        "skip_refused": skip_refused,
        "stop_on_failure": not keep_going,
        "at_once": at_once,
        "interval_seconds": interval,
        "deadline_seconds": deadline,
        "order": order,
        "note": note,
        "return_after_minutes": minutes(back_after),
        "return_at": until,
    }
    # The API takes so many workloads at once.
    parts = [targets[first : first + MAX_TARGETS] for first in range(0, len(targets), MAX_TARGETS)]
    if dry_run:
        plans = [api.call("POST", "/actions", {**body, "workloads": part})["planned"] for part in parts]
        _print_plan(list(chain.from_iterable(plans)), form)
        return
    problems = []
    for part in parts:
        try:
            _run(api, {**body, "workloads": part}, form)
        except ActionNotDone as problem:
            if not (keep_going or skip_refused):
                raise
            problems.append(problem)
    if problems:
        raise problems[0]


def _run(api: ApiClient, body: dict[str, Any], form: Format) -> None:
    """Start an action and wait for its end. Raises ActionNotDone."""
    started = api.call("POST", "/actions", body)
    if started["ends_at"]:
        remarks().print(f"back at {started['ends_at']}; to end or keep it: kubedoor schedules list", soft_wrap=True)
    follow(api, started["action"], form)


def minutes(text: str) -> int:
    """Of `90`, `90m`, `2h` or `1d`; empty: 0. Raises SettingsError."""
    count, unit = (text[:-1], text[-1]) if text[-1:] in MINUTES else (text, "m")
    if text and not (count.isascii() and count.isdecimal() and int(count)):
        problem = f"{text}: write how long as 90m, 2h or 1d"
        raise SettingsError(problem, problems=[problem])
    return int(count) * MINUTES[unit] if text else 0


def _targets(api: ApiClient, kind: Kind, words: list[str], *, every: bool) -> list[dict[str, Any]]:
    """Raises SettingsError, which sets the exit code of wrong arguments."""
    if bool(words) == every or (every and kind is not Kind.RESTORE):
        problem = "name workloads, or restore them with --all" if not every else "--all is for restore, without names"
        raise SettingsError(problem, problems=[problem])
    if not every:
        return [target(kind, word) for word in words]
    found: list[dict[str, Any]] = api.call("GET", "/actions/restorable")
    if not found:
        remarks().print("nothing to give back: the door has replaced no requests or limits")
    return found


def follow(api: ApiClient, action: str, form: Format) -> None:
    """Poll an action until it ends and print it. Raises ActionNotDone unless every workload is done."""
    done = _wait_for(api, action)
    _print_action(done, form)
    if done["done"] < done["total"]:
        raise ActionNotDone(f"{done['state']}: {done['done']} of {done['total']} workloads done; {done['message']}")


def target(kind: Kind, word: str) -> dict[str, Any]:
    """One target of a request. Raises SettingsError, which sets the exit code of wrong arguments."""
    name, is_set, count = word.partition("=")
    namespace, slash, deployment = name.partition("/")
    if not (slash and namespace and deployment) or (is_set and (kind is not Kind.SCALE or not count.isdecimal())):
        problem = f"{word}: name workloads as NAMESPACE/DEPLOYMENT, to scale one also as NAMESPACE/DEPLOYMENT=5"
        raise SettingsError(problem, problems=[problem])
    return {"namespace": namespace, "deployment": deployment, "replicas": int(count) if is_set else None}


def _wait_for(api: ApiClient, action: str) -> dict[str, Any]:
    """The ended action. Ctrl-C stops only the polling if a running KubeDoor executes the action."""
    remarks().print(f"action {action}; to end it early: kubedoor actions cancel {action}", soft_wrap=True)
    with progress() as bar:
        task = bar.add_task("workloads", total=None)
        while True:
            found: dict[str, Any] = api.call("GET", f"/actions/{action}")
            bar.update(task, total=found["total"], completed=found["total"] - found["untouched"] - found["running"])
            if found["state"] not in (State.RUNNING, State.CANCELLING):
                return found
            time.sleep(POLL_SECONDS)


def _print_plan(planned: list[dict[str, Any]], form: Format) -> None:
    if form is Format.JSON:
        print_json(planned)
        return
    rows = [
        (
            f"{one['namespace']}/{one['deployment']}",
            one["verdict"],
            f"{one['replicas_before']} -> {one['replicas_after']}",
            "restarts" if one["restarts"] else "",
            "; ".join([one["reason"], *one["warnings"]]).strip("; "),
        )
        for one in planned
    ]
    print_table(("workload", "would", "replicas", "", "why"), rows, title="dry run: nothing has changed")


def _print_action(found: dict[str, Any], form: Format) -> None:
    if form is Format.JSON:
        print_json(found)
        return
    rows = [(f"{item['namespace']}/{item['deployment']}", item["state"], item["message"]) for item in found["items"]]
    print_table(("workload", "", "message"), rows, title=f"{found['kind']} by {found['who']}: {found['state']}")


def list_actions(
    context: typer.Context,
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only these.")] = None,
    who: Annotated[str, typer.Option(help="Only those of this person.")] = "",
    workload: Annotated[str, typer.Option(help="Only those on a workload with this in NAMESPACE/DEPLOYMENT.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many, the newest first.")] = 20,
    form: FormatOption = Format.TABLE,
    cluster: ClusterOption = "",
) -> None:
    query = {"state": state, "kind": kind, "limit": limit, "who": who or None, "target": workload or None}
    found = context.obj.for_cluster(cluster).call("GET", "/actions", **query)
    print_found(found, form, ("action", "what", "workloads", "state", "done", "who", "asked (UTC)"), _action)


def _action(one: dict[str, Any]) -> tuple[str, ...]:
    done = f"{one['done']} of {one['total']}"
    return one["action"], one["kind"], named(one), one["state"], done, one["who"], one["asked_at"][:16]


def named(one: dict[str, Any]) -> str:
    """The first workloads of an action, and how many more there are."""
    names = [f"{each['namespace']}/{each['deployment']}" for each in one["workloads"]]
    more = one["total"] - len(names)
    return ", ".join([*names, f"+{more}"] if more else names)


def show_action(
    context: typer.Context, action: ActionArgument, form: FormatOption = Format.TABLE, cluster: ClusterOption = ""
) -> None:
    _print_action(context.obj.for_cluster(cluster).call("GET", f"/actions/{quote(action, safe='')}"), form)


def cancel_action(context: typer.Context, action: ActionArgument, cluster: ClusterOption = "") -> None:
    found = context.obj.for_cluster(cluster).call("POST", f"/actions/{quote(action, safe='')}/cancel")
    print(f"{found['state']}: {found['done']} of {found['total']} workloads are done")
