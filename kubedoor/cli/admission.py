"""`kubedoor preview` and `kubedoor control`: the door's decision for a manifest, and the switch."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from kubedoor.cli.api_client import ApiClient, ClusterOption
from kubedoor.cli.output import Format, FormatOption, print_json, print_table
from kubedoor.errors import BadRequest


class SwitchCommand(StrEnum):
    ON = "on"
    OFF = "off"
    STATUS = "status"


class _ManifestLoader(yaml.SafeLoader):
    """Reads manifests as kubectl does: a date without quotes is a text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- as the library declares it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def add_to(app: typer.Typer) -> None:
    app.command("preview", help="What the door would do to a Deployment or an AdmissionReview.")(preview)
    app.command("control", help="The switch: on, off or status.")(control)


def preview(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="YAML or JSON, also of several objects; - is standard input.")],
    form: FormatOption = Format.TABLE,
    cluster: ClusterOption = "",
) -> None:
    api: ApiClient = context.obj.for_cluster(cluster)
    previews = [
        (document, api.call("POST", "/admission/preview", document))
        for document in _documents(file)
        if document.get("kind") in ("Deployment", "AdmissionReview")
    ]
    if not previews:
        raise BadRequest(f"{file} has neither a Deployment nor an AdmissionReview")
    if form is Format.JSON:
        print_json([shown for _, shown in previews])
        return
    for document, shown in previews:
        _print_preview(document, shown)


def _documents(file: Path) -> list[dict[str, Any]]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        found = [document for document in yaml.load_all(text, _ManifestLoader) if isinstance(document, dict)]
        json.dumps(found)
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise BadRequest(f"{file} cannot be read: {error}") from error
    lists = [document.get("items") or [] for document in found if document.get("kind") == "List"]
    return found + [item for items in lists for item in items if isinstance(item, dict)]


def _print_preview(document: dict[str, Any], shown: dict[str, Any]) -> None:
    metadata = document.get("metadata") or shown["before"].get("metadata") or {}
    title = f"{metadata.get('namespace', 'default')}/{metadata.get('name', '')}: {shown['outcome']} {shown['reason']}"
    changes = [
        (change["container"], change["field"], change["before"], change["after"], change["source"])
        for change in shown["changes"]
    ]
    if changes:
        print_table(("container", "field", "before", "after", "from"), changes, title=title)
    else:
        print(title)
    for warning in shown["warnings"]:
        print(f"  {warning}")


def control(
    context: typer.Context,
    command: Annotated[SwitchCommand, typer.Argument(help="on, off or status.")],
    note: Annotated[str, typer.Option(help="Why, for the audit log and for those who meet it.")] = "",
    cluster: ClusterOption = "",
) -> None:
    api: ApiClient = context.obj.for_cluster(cluster)
    if command is SwitchCommand.STATUS:
        state = api.call("GET", "/control")
    else:
        state = api.call("PUT", "/control", {"enabled": command is SwitchCommand.ON, "note": note})
    for line in state_lines(state):
        print(line)
    if switched := state["switched"]:
        why = f": {switched['note']}" if switched["note"] else ""
        print(f"switched off by {switched['who']} at {switched['at']}{why}")


def state_lines(state: Mapping[str, Any]) -> Iterator[str]:
    """What enforces, and what is to be said of it."""
    words = {True: "enforcement is on", False: "enforcement is off", None: "whether enforcement is on is not known"}
    parts = {"webhook": state["webhook"], "native policies": state["policies"]}
    shown = ", ".join(f"{name} {part}" for name, part in parts.items() if part)
    yield words[state["enabled"]] + (f" ({shown})" if shown else "")
    if state["reason"]:
        yield str(state["reason"])
    if not state["is_current"]:
        yield "what is in the cluster is not as the settings and this version would make it: kubedoor control on"
