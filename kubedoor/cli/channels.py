"""`kubedoor channels`: notification channels and the messages sent to them."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer

from kubedoor.cli.output import Format, FormatOption, print_found, print_json
from kubedoor.errors import SettingsError
from kubedoor.model.events import Event

ChannelArgument = Annotated[str, typer.Argument(help="Its id, as `channels list` shows it.")]
EVENT = typer.Option("--event", help="What it is told of; give it again for more.")
MINUTES = typer.Option(min=1, max=1440, help="Quiet after a message.")
KEYWORD = typer.Option(help="Put into every message, for a robot that refuses messages without it, such as DingTalk's.")
LANGUAGE = typer.Option(help="en or zh-CN.")


def add_to(app: typer.Typer) -> None:
    channels = typer.Typer(help="Notification channels; the same for all clusters.", no_args_is_help=True)
    channels.command("list")(list_channels)
    channels.command(
        "create", help="Its address, as apprise writes it, is read from standard input; on a terminal it is asked for."
    )(create_channel)
    channels.command("change", help="What is not given stays.")(change_channel)
    channels.command("enable")(enable_channel)
    channels.command("disable", help="Keep it, and tell it nothing.")(disable_channel)
    channels.command("test", help="Send it a test message now.")(test_channel)
    channels.command("delete", help="Its address is forgotten with it.")(delete_channel)
    channels.command("messages", help="What was sent to whom, the newest first.")(list_messages)
    app.add_typer(channels, name="channels")


def list_channels(context: typer.Context, form: FormatOption = Format.TABLE) -> None:
    columns = ("channel", "name", "service", "events", "quiet minutes", "language", "")
    print_found(context.obj.call("GET", "/notifications/channels"), form, columns, _channel)


def _channel(one: dict[str, Any]) -> tuple[object, ...]:
    state = "" if one["enabled"] else "disabled"
    events = ", ".join(one["events"])
    return one["channel"], one["name"], one["service"], events, one["min_minutes"], one["language"], state


def create_channel(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What people know it by.")],
    events: Annotated[list[Event], EVENT],
    min_minutes: Annotated[int, MINUTES] = 15,
    language: Annotated[str, LANGUAGE] = "en",
    keyword: Annotated[str, KEYWORD] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    # The address is a secret, so it is no argument: those are in the shell's history and in the list of processes.
    body = {
        "name": name,
        "url": _read_address(),
        "events": events,
        "min_minutes": min_minutes,
        "language": language,
        "keyword": keyword,
    }
    _print_saved(context.obj.call("POST", "/notifications/channels", body), form)


def change_channel(
    context: typer.Context,
    channel: ChannelArgument,
    name: Annotated[str | None, typer.Option(help="What people know it by.")] = None,
    events: Annotated[list[Event] | None, EVENT] = None,
    min_minutes: Annotated[int | None, MINUTES] = None,
    language: Annotated[str | None, LANGUAGE] = None,
    keyword: Annotated[str | None, KEYWORD] = None,
    address: Annotated[bool, typer.Option("--address", help="Read a new address, as `create` does.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    options = {
        "name": name,
        "events": events or None,
        "min_minutes": min_minutes,
        "language": language,
        "keyword": keyword,
        "url": _read_address() if address else None,
    }
    given = {field: value for field, value in options.items() if value is not None}
    _print_saved(_patch(context, channel, given), form)


def enable_channel(context: typer.Context, channel: ChannelArgument) -> None:
    print(f"{_patch(context, channel, {'enabled': True})['name']} is enabled")


def disable_channel(context: typer.Context, channel: ChannelArgument) -> None:
    print(f"{_patch(context, channel, {'enabled': False})['name']} is disabled")


def test_channel(context: typer.Context, channel: ChannelArgument) -> None:
    context.obj.call("POST", f"{_path(channel)}/test")
    print("the test message was taken")


def delete_channel(context: typer.Context, channel: ChannelArgument) -> None:
    context.obj.call("DELETE", _path(channel))
    print(f"{channel} is gone")


def list_messages(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 50,
    form: FormatOption = Format.TABLE,
) -> None:
    columns = ("sent (UTC)", "channel", "title", "notices", "", "detail")
    print_found(context.obj.call("GET", "/notifications/messages", limit=limit), form, columns, _message)


def _message(one: dict[str, Any]) -> tuple[object, ...]:
    delivered = {True: "delivered", False: "NOT delivered", None: "not known"}[one["ok"]]
    return one["begun_at"][:19], one["name"], one["title"], one["notices"], delivered, one["detail"]


def _read_address() -> str:
    """Raises SettingsError if standard input is empty."""
    line = getpass.getpass("address (not shown): ") if sys.stdin.isatty() else sys.stdin.readline()
    if address := line.strip():
        return address
    problem = "the channel's address, such as slack://…, is read from standard input, and there was none"
    raise SettingsError(problem, problems=[problem])


def _patch(context: typer.Context, channel: str, fields: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = context.obj.call("PATCH", _path(channel), fields)
    return found


def _path(channel: str) -> str:
    return f"/notifications/channels/{quote(channel, safe='')}"


def _print_saved(found: dict[str, Any], form: Format) -> None:
    if form is Format.JSON:
        print_json(found)
        return
    print(f"{found['channel']}: {found['name']} ({found['service']})")
