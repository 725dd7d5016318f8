"""Test clients for the HTTP functions, loaded in this process as functions-framework loads them."""

from __future__ import annotations

import os

from starlette.testclient import TestClient

from kubedoor.runtime.serving import load_function


def function_client(name: str, *, client_host: str = "127.0.0.1", root_path: str = "") -> TestClient:
    """A client of a freshly loaded function, which reads the environment on its first request.

    Background jobs are off: nothing would stop them before the next test.
    """
    os.environ.setdefault("KUBEDOOR_CLOCK_SECONDS", "0")
    return TestClient(load_function(name), client=(client_host, 50000), root_path=root_path)


def assert_error(answer: object, status: int, code: str) -> dict[str, object]:
    """Checks status, code and shape of an error response; returns its details."""
    got = answer.status_code, answer.json()  # type: ignore[attr-defined]
    assert got[0] == status, got
    assert set(got[1]) == {"error"}
    assert set(got[1]["error"]) - {"message_said"} == {"code", "message", "details"}
    assert got[1]["error"]["code"] == code
    assert "Traceback" not in got[1]["error"]["message"]
    details: dict[str, object] = got[1]["error"]["details"]
    return details
