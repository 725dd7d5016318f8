"""A plain page that lists what is there, until the web UI is built."""

from __future__ import annotations

from html import escape

from fastapi import FastAPI


def page(app: FastAPI) -> str:
    """HTML without scripts or styles from elsewhere."""
    rows = [
        f"<tr><td><code>{escape(method.upper())}</code></td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(operation.get('description') or operation.get('summary', ''))}</td></tr>"
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>KubeDoor</title></head><body>'
        "<h1>KubeDoor</h1><p>Kubernetes right-sizing that is enforced, not just recommended.</p>"
        "<p>Log in with <code>POST /api/v1/session</code>; every other route needs the cookie that it answers with.</p>"
        f"<table><tbody>{''.join(rows)}</tbody></table></body></html>"
    )
