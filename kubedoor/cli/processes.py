"""The commands that are processes, or chores of the chart: each reads the settings and does one thing."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated

import typer

from kubedoor.config import settings
from kubedoor.config.settings import Settings
from kubedoor.runtime import logs


def settings_table() -> str:
    """The settings table of docs/settings.md."""
    lines = ["| variable | default | meaning | example |", "|---|---|---|---|"]
    for row in settings.table():
        default = f"`{row.default}`" if row.default else ""
        lines.append(
            f"| `{row.variable}` | {default} | {row.meaning}{' **Secret.**' if row.is_secret else ''} | `{row.example}` |"
        )
    return "\n".join(lines)


def _migrate(config: Settings) -> None:
    from kubedoor.store.migrations import migrate
    from kubedoor.store.opening import opened

    applied = migrate(opened(config), cluster=config.store_cluster)
    print("\n".join(applied) if applied else "the schema is up to date")


def _webhook(config: Settings) -> None:
    from kubedoor.admission.webhook_configuration import configuration
    from kubedoor.runtime.assembly import webhook_options

    _door_certificate(config)
    print(json.dumps(configuration(webhook_options(config)), indent=2))


def _door_certificate(config: Settings) -> tuple[str, str]:
    from kubedoor.runtime.assembly import ensure_door_certificate

    if config.tls_cert_file:
        return config.tls_cert_file, config.tls_key_file
    files = ensure_door_certificate(config)
    return str(files.certificate), str(files.key)


def _mutate(config: Settings) -> None:
    from kubedoor.runtime import serving

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


def _serve(config: Settings) -> None:
    from kubedoor.runtime import serving
    from kubedoor.runtime.assembly import build_source
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

    waking = (functions["api"], functions["mutate"])
    try:
        asyncio.run(serving.run(servers, on_ready=lambda: print(_welcome(config), flush=True), waking=waking))
    finally:
        opening.close_all()


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
    if config.further:
        lines.append(f"  clusters        {', '.join(one.cluster for one in config.every_cluster)}")
    return "\n".join(lines)


def _configured() -> Settings:
    config = settings.load(os.environ)
    logs.configure(config.log_level)
    return config


def add_to(app: typer.Typer) -> None:
    """Adds the commands in the order in which help shows them."""

    @app.command("serve", help="Everything in one process: API, collect, and the door over HTTPS.")
    def serve() -> None:
        _serve(_configured())

    @app.command("mutate", help="The door alone, over HTTPS.")
    def mutate() -> None:
        _mutate(_configured())

    @app.command("migrate", help="Bring the store's schema up to date.")
    def migrate() -> None:
        _migrate(_configured())

    @app.command("settings", help="Print every setting as a Markdown table.")
    def show_settings() -> None:
        print(settings_table())

    @app.command("webhook", help="Print the webhook configuration, for kubectl apply -f -.")
    def webhook(
        remove: Annotated[bool, typer.Option("--remove", help="Delete it from the cluster: control off.")] = False,
    ) -> None:
        from kubedoor.runtime import jobs

        config = _configured()
        jobs.remove_webhook(config) if remove else _webhook(config)

    @app.command("ping", help="Have `collect` collect until everything is complete.")
    def ping() -> None:
        from kubedoor.runtime import jobs

        jobs.ping(_configured())

    @app.command("certificates", help="Make or renew the door's certificate in its Secret.")
    def certificates() -> None:
        from kubedoor.runtime import jobs

        jobs.renew_certificates(_configured())
