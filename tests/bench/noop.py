"""The floor of the door's benches: a function that parses a review and allows it, behind the same server.

`python -m tests.bench.noop PORT FOLDER` serves it until it gets a signal; certificates are made in FOLDER.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import functions_framework.aio
from functions_framework.aio import create_asgi_app
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


@functions_framework.aio.http
async def noop(request: Request) -> Response:
    if request.method != "POST":
        return JSONResponse({})
    uid = (await request.json())["request"]["uid"]
    response = {"uid": uid, "allowed": True}
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
