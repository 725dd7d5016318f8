"""Requests that carry a token: they follow no redirect, since urllib would send the token to wherever it leads."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urljoin, urlsplit


class _Refused(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any, **_named: Any) -> None:
        """None: the redirect is an HTTPError, as any other status that is no success."""


def open_without_redirects(
    request: urllib.request.Request, *, timeout_seconds: float, context: ssl.SSLContext | None
) -> http.client.HTTPResponse:
    """As urllib's `urlopen`, but raises HTTPError for a redirect, too."""
    opener = urllib.request.build_opener(_Refused, urllib.request.HTTPSHandler(context=context))
    response: http.client.HTTPResponse = opener.open(request, timeout=timeout_seconds)
    return response


def is_redirect(error: urllib.error.HTTPError) -> bool:
    return 300 <= error.code < 400


def target_of(error: urllib.error.HTTPError) -> str:
    """Scheme, host and port that a redirect leads to, without its path and query, which may have secrets; may be empty."""
    try:
        parts = urlsplit(urljoin(error.url, error.headers.get("Location", "")))
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    except ValueError:
        return ""
