"""Serves the web UI as static files; without a build, a plain page with the build command."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FOREVER = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "no-cache"
_A_DAY = "public, max-age=86400"
_ICON = "favicon.svg"
"""Browsers ask for it with each address: with every page of the list."""
_NOT_PAGES = frozenset({"api", "assets", "collect", "mutate"})
"""First path segments for which a missing file is a 404 and not a page of the single-page application."""


def built_web() -> Path | None:
    """`web/dist` in the checkout or in the working directory (as in the image); None: not built."""
    folders = (Path(__file__).resolve().parents[2], Path.cwd())
    return next((folder / "web" / "dist" for folder in folders if (folder / "web/dist/index.html").is_file()), None)


def add_pages(app: FastAPI) -> None:
    """Serves every path that no route matches: to be called after all routes are added."""
    if (folder := built_web()) is not None:
        app.mount("/", Pages(directory=folder, html=True), name="web")
        return
    app.add_api_route("/", lambda: HTMLResponse(plain_page(app)), methods=["GET"], include_in_schema=False)


class Pages(StaticFiles):
    """Static files; every other path gets `index.html`, because the single-page application routes it."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or (Path(path).parts[:1] and Path(path).parts[0] in _NOT_PAGES):
                raise
            response = await super().get_response("index.html", scope)
        return response

    def file_response(self, full_path: Any, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(full_path, *arguments, **options)
        # File names below assets/ contain a hash of the content.
        is_hashed = Path(full_path).parent.name == "assets"
        kept = _A_DAY if Path(full_path).name == _ICON else _ASK_EACH_TIME
        response.headers["Cache-Control"] = _FOREVER if is_hashed else kept
        return response


def plain_page(app: FastAPI) -> str:
    """HTML without external scripts or styles."""
    rows = [
        f"<tr><td><code>{escape(method.upper())}</code></td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(operation.get('description') or operation.get('summary', ''))}</td></tr>"
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>KubeDoor</title></head><body>'
        "<h1>KubeDoor</h1><p>Kubernetes right-sizing that is enforced, not just recommended.</p>"
        "<p>The web UI is not built. With Node.js 20 or newer: <code>cd web &amp;&amp; npm ci &amp;&amp; npm run build</code>,"
        " then start KubeDoor again.</p>"
        "<p>Log in with <code>POST /api/v1/session</code>; every other route needs the cookie that it answers with.</p>"
        f"<table><tbody>{''.join(rows)}</tbody></table></body></html>"
    )
