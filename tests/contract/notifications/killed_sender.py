"""A pod of `api` that ticks once, and is killed between the claim of a message and its result."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from datetime import datetime

from kubedoor.notifications.channel import send
from kubedoor.notifications.notifications import Notifications
from kubedoor.notifications.targets import Targets
from kubedoor.store.channels import ChannelStore
from kubedoor.store.connection import Connection
from kubedoor.store.events import EventStore
from kubedoor.store.records import RecordStore


def main() -> None:
    settings = json.loads(sys.argv[1])
    connection, cluster = Connection(settings["dsn"]), settings["cluster"]

    def killed(url: str, title: str, body: str, targets: Targets) -> None:
        if settings["after"]:
            send(url, title, body, targets)
        os.kill(os.getpid(), signal.SIGKILL)

    Notifications(
        cluster_name=cluster,
        store=ChannelStore(connection, cluster),
        events={cluster: EventStore(connection, cluster, own_username="kubedoor", missed=lambda _since, _until: [])},
        records=RecordStore(connection, cluster),
        certificate_days=lambda: None,
        now=lambda: datetime.fromisoformat(settings["now"]),
        targets=Targets(("127.0.0.1",)),
        send=killed,
    ).tick()
    threading.Event().wait(30)


if __name__ == "__main__":
    main()
