"""Loads the door's certificate again when its files change, and renews those that KubeDoor made itself."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

RELOAD_SECONDS = 10.0
RENEW_SECONDS = 3600.0


@dataclass(frozen=True)
class CertificateReload:
    """`renew` makes new files if the ones there expire soon; None: somebody else renews them."""

    certificate: Path
    key: Path
    renew: Callable[[], object] | None = None
    reload_seconds: float = RELOAD_SECONDS
    renew_seconds: float = RENEW_SECONDS

    async def watch(self, context: ssl.SSLContext) -> None:
        """Until cancelled: what changes on disk is served within `reload_seconds`, without a restart."""
        loop = asyncio.get_running_loop()
        loaded = self._mtimes()
        renew_at = loop.time() + self.renew_seconds
        while True:
            await asyncio.sleep(self.reload_seconds)
            if self.renew is not None and loop.time() >= renew_at:
                renew_at = loop.time() + self.renew_seconds
                await self._renew(self.renew)
            now = self._mtimes()
            if now != loaded and self._load(context):
                loaded = now

    async def _renew(self, renew: Callable[[], object]) -> None:
        try:
            await asyncio.to_thread(renew)
        except (OSError, ValueError) as error:
            log.error("the door's certificate cannot be renewed: %s", error)

    def _load(self, context: ssl.SSLContext) -> bool:
        try:
            # Tested in a new context first: a mismatched pair would leave the live one without a key.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key)
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            # Key and certificate are replaced one after the other: retried at the next interval.
            log.warning("the door's new certificate cannot be used yet: %s", error)
            return False
        log.info("the door's certificate was renewed")
        return True

    def _mtimes(self) -> tuple[float, ...]:
        try:
            return tuple(path.stat().st_mtime_ns for path in (self.certificate, self.key))
        except OSError:
            return ()
