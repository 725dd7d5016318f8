"""The floor of the door's benches: a function that parses a review and allows it, behind the same server.

At PATCHED it answers with a patch like the door's, always the same: what the API server needs to apply one is no cost of the
door's. `python -m tests.bench.noop PORT FOLDER` serves it until it gets a signal; certificates are made in FOLDER.
"""

from __future__ import annotations

import base64
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import functions_framework.aio
from functions_framework.aio import create_asgi_app
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

PATCHED = "/patched"
REPLICAS = 3
_SIZED = {"requests": {"cpu": "120m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "2Gi"}}
_NUMBERS = "requests.cpu=500m,requests.memory=1Gi,limits.cpu=1,limits.memory=2Gi"
_SCALE_PATCH: list[dict[str, object]] = [{"op": "replace", "path": "/spec/replicas", "value": REPLICAS}]
_CREATE_PATCH: list[dict[str, object]] = [
    *_SCALE_PATCH,
    {"op": "replace", "path": "/spec/template/spec/containers/0/resources", "value": _SIZED},
    {"op": "replace", "path": "/spec/template/spec/containers/1/resources", "value": _SIZED},
    {"op": "add", "path": "/metadata/annotations", "value": {"kubedoor.io/asked": f"app:{_NUMBERS};proxy:{_NUMBERS}"}},
]


def _encoded(patch: list[dict[str, object]]) -> dict[str, str]:
    return {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}


_ANSWERS = {"": _encoded(_CREATE_PATCH), "scale": _encoded(_SCALE_PATCH)}
"""By subresource."""


@functions_framework.aio.http
async def noop(request: Request) -> Response:
    if request.method != "POST":
        return JSONResponse({})
    asked = (await request.json())["request"]
    response: dict[str, Any] = {"uid": asked["uid"], "allowed": True}
    if request.url.path == PATCHED:
        response |= _ANSWERS[asked.get("subResource", "")]
    return JSONResponse({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})


def main(port: int, folder: Path) -> None:
    # Here, so that the function alone can be loaded without KubeDoor.
    from kubedoor.admission.certificates import self_signed
    from kubedoor.runtime import serving
    from kubedoor.runtime.certificate_reload import CertificateReload

    made = self_signed.ensure(folder, ["localhost", "127.0.0.1"], now=datetime.now(UTC))
    certificates = CertificateReload(made.certificate, made.key)
    server = serving.build_door_server(
        create_asgi_app("noop", __file__), host="127.0.0.1", port=port, certificates=certificates
    )
    serving.run_until_signal(serving.run([server], on_ready=lambda: None))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
