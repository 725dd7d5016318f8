"""Certificates that KubeDoor made itself never expire while it runs."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kubedoor.admission.certificates import self_signed
from kubedoor.admission.certificates.self_signed import CertificateFiles
from kubedoor.runtime.certificate_reload import CertificateReload
from kubedoor.runtime.serving import build_door_server
from tests.toolbox import processes

LIFETIME = timedelta(seconds=6)


async def application(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def certificate_of(port: int, ca: Path) -> bytes:
    """The served certificate, verified by the client: an expired one raises SSLError."""
    context = ssl.create_default_context(cafile=str(ca))
    _, writer = await asyncio.open_connection("localhost", port, ssl=context)
    content: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return content


async def served_certificates(folder: Path, *, seconds: float) -> set[bytes]:
    def renew() -> CertificateFiles:
        return self_signed.ensure(folder, ["localhost"], now=datetime.now(UTC), lifetime=LIFETIME)

    files = renew()
    certificates = CertificateReload(files.certificate, files.key, renew, reload_seconds=0.2, renew_seconds=0.5)
    port = processes.free_port()
    server = build_door_server(application, host="127.0.0.1", port=port, certificates=certificates)
    serving = asyncio.create_task(server._serve())
    loop = asyncio.get_running_loop()
    while not server.started:
        await asyncio.sleep(0.05)
    seen = set()
    end = loop.time() + seconds
    while loop.time() < end:
        seen.add(await certificate_of(port, files.ca))
        await asyncio.sleep(0.1)
    server.should_exit = True
    await serving
    return seen


def test_a_short_lived_certificate_is_renewed_before_it_expires(tmp_path: Path) -> None:
    assert len(asyncio.run(served_certificates(tmp_path, seconds=15))) >= 3


async def renewed_once(certificates: CertificateReload, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(certificates.watch(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)), seconds)


def test_a_renewal_that_fails_is_tried_again(tmp_path: Path) -> None:
    calls = []

    def renew() -> None:
        calls.append(1)
        raise OSError("the disk is full")

    files = self_signed.ensure(tmp_path, ["localhost"], now=datetime.now(UTC))
    certificates = CertificateReload(files.certificate, files.key, renew, reload_seconds=0.05, renew_seconds=0.1)
    asyncio.run(renewed_once(certificates, 1))
    assert len(calls) > 2
