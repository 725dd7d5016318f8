"""The function `api` as an ASGI application, for benchmarks; loaded as functions-framework loads it."""

from __future__ import annotations

from kubedoor.runtime.serving import load_function

app = load_function("api")
