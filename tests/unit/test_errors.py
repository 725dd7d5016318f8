from __future__ import annotations

import pytest

from kubedoor.errors import BadRequest, InvalidInput, KubeDoorError, NotFound, StoreError
from kubedoor.runtime.http import error_response


@pytest.mark.parametrize(
    ("error", "status"),
    [(BadRequest("x"), 400), (NotFound("x"), 404), (InvalidInput("x", field="f"), 422), (StoreError("x"), 503)],
)
def test_every_error_has_its_status(error: KubeDoorError, status: int) -> None:
    assert error_response(error).status_code == status
