"""`kubedoor serve` and `kubedoor mutate`: the commands that run until they get a signal."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import typer

from kubedoor.config import clusters
from kubedoor.config.clusters import ClusterSettings
from kubedoor.config.settings import Settings
from kubedoor.runtime import logs


def add_to(app: typer.Typer) -> None:
    @app.command("serve", help="Everything in one process: API, collect, and the door over HTTPS.")
    def serve() -> None:
        _serve(configure())

    @app.command("mutate", help="The door alone, over HTTPS.")
    def mutate() -> None:
        _mutate(configure().home)


def configure() -> ClusterSettings:
    """The settings from the environment; configures logging by them. Raises SettingsError."""
    all_settings = clusters.load(os.environ)
    logs.configure(all_settings.home.log_level)
    return all_settings


def door_certificate(config: Settings) -> tuple[str, str]:
    """Paths of certificate and key: those of the settings, else a self-signed pair, created if missing."""
    from kubedoor.runtime.assembly import ensure_door_certificate

    if config.tls_cert_file:
        return config.tls_cert_file, config.tls_key_file
    files = ensure_door_certificate(config)
    return str(files.certificate), str(files.key)


def _mutate(config: Settings) -> None:
    from kubedoor.runtime import serving

    app = serving.Draining(serving.load_function("mutate"))
    certificate, key = door_certificate(config)
    door = serving.build_server(app, host=config.host, port=config.door_port, certificate=certificate, key=key)
    asyncio.run(
        serving.run(
            [door],
            on_ready=lambda: print(f"door: https://{config.host}:{config.door_port}", flush=True),
            draining=app,
            drain_seconds=config.drain_seconds,
        )
    )


def _serve(all_settings: ClusterSettings) -> None:
    from kubedoor.runtime import serving
    from kubedoor.runtime.assembly import build_source
    from kubedoor.store import opening

    config = all_settings.home
    build_source(config)
    functions = {name: serving.load_function(name) for name in ("collect", "mutate", "api")}
    certificate, key = door_certificate(config)
    opening.open_migrated_store(config)
    app = serving.Mounts({"/collect": functions["collect"]}, functions["api"])
    servers = [
        serving.build_server(app, host=config.host, port=config.port),
        serving.build_server(
            functions["mutate"], host=config.host, port=config.door_port, certificate=certificate, key=key
        ),
    ]

    lazy_apps = (functions["api"], functions["mutate"])
    try:
        asyncio.run(
            serving.run(servers, on_ready=lambda: print(_welcome(all_settings), flush=True), lazy_apps=lazy_apps)
        )
    finally:
        opening.close_all()


def _welcome(all_settings: ClusterSettings) -> str:
    config = all_settings.home
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
    if all_settings.further:
        lines.append(f"  clusters        {', '.join(one.cluster for one in all_settings.every_cluster)}")
    return "\n".join(lines)
