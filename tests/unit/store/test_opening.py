from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from kubedoor.config import settings
from kubedoor.errors import StoreError
from kubedoor.store import opening


def test_each_timeout_has_its_own_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = f"http://kubedoor:x@127.0.0.1:{silent.getsockname()[1]}/kubedoor"
        config = settings.load({"KUBEDOOR_STORE_DSN": dsn, "KUBEDOOR_SOURCE": "sample"})
        hurried = opening.open_store(config, at_most_seconds=1)
        assert hurried is opening.open_store(config, at_most_seconds=1)
        assert hurried is not opening.open_store(config)
        started = time.monotonic()
        with pytest.raises(StoreError, match="cannot be reached"):
            hurried.rows("SELECT 1")
        assert time.monotonic() - started < 5


def test_the_embedded_store_is_shared_by_all_timeouts(tmp_path: Path) -> None:
    config = settings.load({"KUBEDOOR_DATA_DIR": str(tmp_path), "KUBEDOOR_SOURCE": "sample"})
    assert opening.open_store(config, at_most_seconds=1) is opening.open_store(config)
