"""The floor of the door's benches: a function that parses a review and allows it, behind the same server.

At PATCHED it answers as the door does, always the same: what the API server needs to apply a patch, to pass on warnings and
to annotate its audit event is no cost of the door's. `python -m tests.bench.noop PORT FOLDER` serves it until it gets a signal; certificates are made in FOLDER.
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
_CONTAINERS = ("app", "proxy")
_SIZED = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
_NUMBERS = "requests.cpu=500m,requests.memory=1Gi,limits.cpu=1,limits.memory=2Gi"


def _answer(patch: list[dict[str, object]], warnings: list[str], changes: str) -> dict[str, object]:
    return {
        "patchType": "JSONPatch",
        "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
        "warnings": warnings,
        "auditAnnotations": {"decision": "patched", "reason": "control values were set", "changes": changes},
    }


def _created() -> dict[str, object]:
    asked = ";".join(f"{name}:{_NUMBERS}" for name in _CONTAINERS)
    patch: list[dict[str, object]] = [
        {"op": "replace", "path": f"/spec/template/spec/containers/{place}/resources", "value": _SIZED}
        for place, _ in enumerate(_CONTAINERS)
    ]
    patch.append({"op": "replace", "path": "/metadata/annotations", "value": {"kubedoor.io/asked": asked}})
    warnings, changes = [], []
    for name in _CONTAINERS:
        warnings += [
            f"KubeDoor: {name} requests: cpu 500m -> 100m, memory 1Gi -> 128Mi (collected)",
            f"KubeDoor: {name} limits: memory 2Gi -> 1Gi (collected)",
        ]
        changes += [
            f"{name} cpu request 500m -> 100m",
            f"{name} memory limit 2Gi -> 1Gi",
            f"{name} memory request 1Gi -> 128Mi",
        ]
    return _answer(patch, warnings, "; ".join(changes))


def _scaled() -> dict[str, object]:
    patch: list[dict[str, object]] = [{"op": "replace", "path": "/spec/replicas", "value": REPLICAS}]
    return _answer(patch, [f"KubeDoor: replicas 4 -> {REPLICAS} (collected)"], f"deployment replicas 4 -> {REPLICAS}")


_ANSWERS = {"": _created(), "scale": _scaled()}
"""By subresource: what the door answers in `door_apiserver`, where the values of `filling.py` are in force."""


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
