"""`kubedoor accept`: let the door enforce what conditions withhold, or take that back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from kubedoor.cli.api_client import ApiClient, ClusterOption
from kubedoor.cli.output import Format, FormatOption, print_json, print_table
from kubedoor.cli.report import workloads_matching
from kubedoor.errors import KubeDoorError, SettingsError
from kubedoor.model.conditions import ConditionType

AT_ONCE = 500
"""As many as one request may name."""
WORKLOADS = typer.Argument(help="NAMESPACE/DEPLOYMENT; not with --waiting.", show_default=False)
CONDITION = typer.Option("--condition", help="Only this one, may be repeated; else all that may be accepted.")
UNTIL = typer.Option(help="The last day, e.g. 2026-12-31, or a time such as 2026-12-31T18:00; UTC; else for good.")
WAITING = typer.Option("--waiting", help="Every workload with a withheld value that a person may accept.")


class NotAccepted(KubeDoorError):
    status = 422
    code = "not_accepted"


def add_to(app: typer.Typer) -> None:
    app.command("accept", help="Accept conditions, so that the door enforces what they withhold; 1 if one is skipped.")(
        accept
    )


def accept(
    context: typer.Context,
    workloads: Annotated[list[str] | None, WORKLOADS] = None,
    conditions: Annotated[list[ConditionType] | None, CONDITION] = None,
    until: Annotated[str, UNTIL] = "",
    note: Annotated[str, typer.Option(help="For the record.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the acceptance back.")] = False,
    waiting: Annotated[bool, WAITING] = False,
    form: FormatOption = Format.TABLE,
    cluster: ClusterOption = "",
) -> None:
    api: ApiClient = context.obj.for_cluster(cluster)
    if bool(workloads) == waiting or (waiting and withdraw):
        raise _wrong("name workloads as NAMESPACE/DEPLOYMENT, or give --waiting, which is not for --withdraw")
    named = [_named(word) for word in workloads or ()] or list(_waiting(api, conditions or []))
    body = {"conditions": conditions or [], "until": _instant(until), "note": note, "accepted": not withdraw}
    made: dict[str, list[dict[str, Any]]] = {"accepted": [], "skipped": []}
    for first in range(0, len(named), AT_ONCE):
        answer = api.call("POST", "/acceptances", {**body, "workloads": named[first : first + AT_ONCE]})
        for part, rows in made.items():
            rows += answer[part]
    _print(made, form, title=f"{len(made['accepted'])} workloads {'withdrawn' if withdraw else 'accepted'}")
    if made["skipped"]:
        raise NotAccepted(f"{len(made['skipped'])} of {len(named)} workloads were skipped")


def _print(made: dict[str, list[dict[str, Any]]], form: Format, *, title: str) -> None:
    if form is Format.JSON:
        print_json(made)
        return
    rows = [(_name(row), ", ".join(row["conditions"]), "") for row in made["accepted"]]
    rows += [(_name(row), "", f"skipped: {row['reason']}") for row in made["skipped"]]
    print_table(("workload", "conditions", ""), rows, title=title)


def _name(row: dict[str, Any]) -> str:
    return f"{row['namespace']}/{row['deployment']}"


def _waiting(api: ApiClient, conditions: list[ConditionType]) -> Iterator[dict[str, str]]:
    for row in workloads_matching(api, {"waiting": "true", "sort": "name"}):
        if not conditions or any(one["type"] in conditions and one["is_acceptable"] for one in row["conditions"]):
            yield {"namespace": row["namespace"], "deployment": row["deployment"]}


def _named(word: str) -> dict[str, str]:
    namespace, _, deployment = word.partition("/")
    if not (namespace and deployment):
        raise _wrong(f"{word}: name workloads as NAMESPACE/DEPLOYMENT")
    return {"namespace": namespace, "deployment": deployment}


def _instant(text: str) -> str | None:
    """An instant, from a time or from the last day; UTC if it has no offset."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        if len(text) == len("2026-12-31"):
            at += timedelta(days=1)
    except (ValueError, OverflowError):
        raise _wrong(f"--until {text}: write a date such as 2026-12-31, or a time such as 2026-12-31T18:00") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def _wrong(problem: str) -> SettingsError:
    return SettingsError(problem, problems=[problem])
