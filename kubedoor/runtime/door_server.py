"""The HTTPS server of the door, whose certificates renew while it runs."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any

import uvicorn

from kubedoor.runtime.certificate_reload import CertificateReload
from kubedoor.runtime.connections import Connection, Limits
from kubedoor.runtime.door_protocol import Door, DoorProtocol
from kubedoor.runtime.limited_server import LimitedProtocol, LimitedServer


class DoorServer(LimitedServer):
    """`config` has the certificate."""

    def __init__(
        self, config: uvicorn.Config, limits: Limits, reload: CertificateReload, door: Door | None = None
    ) -> None:
        """`door` None: the application answers everything."""
        super().__init__(config, limits, name="the door")
        self._reload = reload
        self._door = door

    def protocol(self, connection: Connection, arguments: Mapping[str, Any]) -> LimitedProtocol:
        if self._door is None:
            return super().protocol(connection, arguments)
        return DoorProtocol(self.connections, connection, self._door, **arguments)

    def background(self) -> list[Coroutine[Any, Any, None]]:
        assert self.config.ssl is not None  # noqa: S101 -- build_door_server gives a certificate
        return [*super().background(), self._reload.watch(self.config.ssl)]
