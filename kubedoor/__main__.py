"""`python -m kubedoor serve | mutate | migrate | settings | webhook | ping | certificates`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import kubedoor
from kubedoor import logs, settings
from kubedoor.errors import KubeDoorError, SettingsError
from kubedoor.settings import Settings

EXIT_FAILURE = 1
EXIT_SETTINGS = 2


def main(arguments: list[str] | None = None) -> int:
    """0 done, 1 failed, 2 wrong settings or arguments."""
    parser = argparse.ArgumentParser(prog="kubedoor", description=kubedoor.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="everything in one process: API, collect, and the door over HTTPS")
    commands.add_parser("mutate", help="the door alone, over HTTPS")
    commands.add_parser("migrate", help="bring the store's schema up to date")
    commands.add_parser("settings", help="print every setting as a Markdown table")
    hook = commands.add_parser("webhook", help="print the webhook configuration, for kubectl apply -f -")
    hook.add_argument("--remove", action="store_true", help="delete it from the cluster: control off")
    commands.add_parser("ping", help="have `collect` collect until everything is complete")
    commands.add_parser("certificates", help="make or renew the door's certificate in its Secret")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "settings":
            print(settings_table())
            return 0
        config = settings.load(os.environ)
        logs.configure(config.log_level)
        if chosen.command == "webhook" and chosen.remove:
            return _chore("remove_webhook", config)
        return _COMMANDS[chosen.command](config)
    except SettingsError as error:
        print("kubedoor: the settings are wrong:", file=sys.stderr)
        for problem in error.details["problems"]:
            print(f"  {problem}", file=sys.stderr)
        return EXIT_SETTINGS
    except KubeDoorError as error:
        print(f"kubedoor: {error.message}", file=sys.stderr)
        return EXIT_FAILURE


def settings_table() -> str:
    """The settings table of docs/settings.md."""
    lines = ["| variable | default | meaning | example |", "|---|---|---|---|"]
    for row in settings.table():
        default = f"`{row.default}`" if row.default else ""
        lines.append(
            f"| `{row.variable}` | {default} | {row.meaning}{' **Secret.**' if row.is_secret else ''} | `{row.example}` |"
        )
    return "\n".join(lines)


def _migrate(config: Settings) -> int:
    from kubedoor.store.migrations import migrate
    from kubedoor.store.opening import opened

    applied = migrate(opened(config), cluster=config.store_cluster)
    print("\n".join(applied) if applied else "the schema is up to date")
    return 0


def _webhook(config: Settings) -> int:
    from kubedoor.assembly import webhook_options
    from kubedoor.webhook import configuration

    _door_certificate(config)
    print(json.dumps(configuration(webhook_options(config)), indent=2))
    return 0


def _door_certificate(config: Settings) -> tuple[str, str]:
    from kubedoor.assembly import ensure_door_certificate

    if config.tls_cert_file:
        return config.tls_cert_file, config.tls_key_file
    files = ensure_door_certificate(config)
    return str(files.certificate), str(files.key)


def _mutate(config: Settings) -> int:
    from kubedoor import serving

    app = serving.Draining(serving.load_function("mutate"))
    certificate, key = _door_certificate(config)
    door = serving.server(app, host=config.host, port=config.door_port, certificate=certificate, key=key)
    asyncio.run(
        serving.run(
            [door],
            on_ready=lambda: print(f"door: https://{config.host}:{config.door_port}", flush=True),
            draining=app,
            drain_seconds=config.drain_seconds,
        )
    )
    return 0


def _serve(config: Settings) -> int:
    from kubedoor import serving
    from kubedoor.assembly import build_source
    from kubedoor.store import opening

    build_source(config)
    functions = {name: serving.load_function(name) for name in ("collect", "mutate", "api")}
    certificate, key = _door_certificate(config)
    opening.migrated(config)
    app = serving.Mounts({"/collect": functions["collect"]}, functions["api"])
    servers = [
        serving.server(app, host=config.host, port=config.port),
        serving.server(functions["mutate"], host=config.host, port=config.door_port, certificate=certificate, key=key),
    ]

    def on_ready() -> None:
        print(_welcome(config), flush=True)
        host = f"[{config.host}]" if ":" in config.host else config.host
        serving.wake(f"http://{host}:{config.port}/readyz")

    try:
        asyncio.run(serving.run(servers, on_ready=on_ready))
    finally:
        opening.close_all()
    return 0


def _chore(name: str, config: Settings) -> int:
    from kubedoor import chores

    getattr(chores, name)(config)
    return 0


def _welcome(config: Settings) -> str:
    source = "SAMPLE DATA (set KUBEDOOR_PROMETHEUS_URL for real usage)" if config.uses_sample else config.prometheus_url
    is_default = config.admin_password == "kubedoor"  # noqa: S105 -- the documented first password
    login = f"{config.admin_username} / kubedoor until it is changed" if is_default else config.admin_username
    lines = [
        "KubeDoor is up.",
        f"  pages and API   http://{config.host}:{config.port}",
        f"  login           {login}",
        f"  door            https://{config.host}:{config.door_port}/mutate",
        f"  usage from      {source}",
        f"  store           {'embedded, in ' + str(Path(config.data_dir).absolute()) if config.is_embedded else 'ClickHouse'}",
        f"  peak window     {config.peak_windows} {config.time_zone}",
    ]
    return "\n".join(lines)


_COMMANDS: dict[str, Callable[[Settings], int]] = {
    "serve": _serve,
    "mutate": _mutate,
    "migrate": _migrate,
    "webhook": _webhook,
    "ping": partial(_chore, "ping"),
    "certificates": partial(_chore, "renew_certificates"),
}


if __name__ == "__main__":
    sys.exit(main())
