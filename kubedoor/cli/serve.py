"""`kubedoor serve` and `kubedoor mutate`: the commands that run until they get a signal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kubedoor.config import clusters
from kubedoor.config.clusters import ClusterSettings
from kubedoor.config.parsers import without_credentials
from kubedoor.config.settings import Settings
from kubedoor.runtime import logs
from kubedoor.weak_secrets import WELL_KNOWN_PASSWORD

if TYPE_CHECKING:
    import uvicorn

    from kubedoor.runtime.certificate_reload import CertificateReload
    from kubedoor.runtime.door_protocol import Answer
    from kubedoor.runtime.serving import App


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


def _door_server(app: App, answer: Answer, config: Settings, certificates: CertificateReload) -> uvicorn.Server:
    from kubedoor.runtime import serving
    from kubedoor.runtime.connections import Limits

    limits = Limits(
        connections=config.door_connections,
        request_seconds=config.door_request_seconds,
        idle_seconds=config.door_idle_seconds,
        bodies_bytes=config.door_bodies_memory_bytes,
    )
    return serving.build_door_server(
        app, host=config.host, port=config.door_port, certificates=certificates, limits=limits, answer=answer
    )


def door_certificate(config: Settings, *, knows_cluster: bool = False) -> CertificateReload:
    """The certificate of the settings, else one of our own, which is created if missing and renewed.

    `knows_cluster`: the API server trusts this door's own CA, and gets a new one.
    """
    from kubedoor.runtime.certificate_reload import CertificateReload
    from kubedoor.runtime.door_certificate import ensure_door_certificate, renew_door_certificate

    if config.tls_cert_file:
        return CertificateReload(Path(config.tls_cert_file), Path(config.tls_key_file))
    ensure = renew_door_certificate if knows_cluster else ensure_door_certificate
    files = ensure(config)
    return CertificateReload(files.certificate, files.key, renew=lambda: ensure(config))


def _mutate(config: Settings) -> None:
    from kubedoor.runtime import serving

    serving.check_port(config.host, config.door_port, variable="KUBEDOOR_DOOR_PORT")
    function, answer = serving.load_door()
    app = serving.Draining(function)
    serving.run_until_signal(
        serving.run(
            [_door_server(app, answer, config, door_certificate(config))],
            on_ready=lambda: print(f"door: https://{config.host}:{config.door_port}", flush=True),
            draining=app,
            drain_seconds=config.drain_seconds,
        ),
        stuck_seconds=config.stuck_seconds,
    )


def _serve(all_settings: ClusterSettings) -> None:
    from kubedoor.runtime import serving, startup
    from kubedoor.store import opening

    config = all_settings.home
    startup.check_sources(all_settings)
    serving.check_ports(config)
    # `api` comes last: it imports on its first request what is beside the function that was loaded last.
    mutate, answer = serving.load_door()
    functions = {name: serving.load_function(name) for name in ("collect", "api")}
    door = _door_server(mutate, answer, config, door_certificate(config, knows_cluster=True))
    opening.open_migrated_store(config)
    app = serving.Mounts({"/collect": functions["collect"]}, functions["api"])
    servers = [serving.build_server(app, host=config.host, port=config.port), door]
    lazy_apps = (functions["api"], mutate)
    try:
        serving.run_until_signal(
            serving.run(servers, on_ready=lambda: print(welcome(all_settings), flush=True), lazy_apps=lazy_apps)
        )
    finally:
        opening.close_all()


def welcome(all_settings: ClusterSettings) -> str:
    """What is said once everything serves; without secrets."""
    config = all_settings.home
    source = "SAMPLE DATA (set KUBEDOOR_PROMETHEUS_URL for real usage)"
    if not config.uses_sample:
        source = without_credentials(config.prometheus_url)
    is_default = config.admin_password == WELL_KNOWN_PASSWORD
    first = f" / {WELL_KNOWN_PASSWORD} until it is changed, on this machine only" if is_default else ""
    lines = [
        "KubeDoor is up.",
        f"  pages and API   http://{config.host}:{config.port}",
        f"  login           {config.admin_username}{first}",
        f"  door            https://{config.host}:{config.door_port}/mutate",
        f"  usage from      {source}",
        f"  store           {'embedded, in ' + str(Path(config.data_dir).absolute()) if config.is_embedded else 'ClickHouse'}",
        f"  peak window     {config.peak_windows} {config.time_zone}",
    ]
    if all_settings.further:
        lines.append(f"  clusters        {', '.join(one.cluster for one in all_settings.every_cluster)}")
    return "\n".join(lines)
