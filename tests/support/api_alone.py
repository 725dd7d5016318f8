"""`api` alone as an ASGI application, for the measurements; loaded as the functions-framework command loads it."""

from __future__ import annotations

from kubedoor.runtime.serving import load_function

app = load_function("api")
