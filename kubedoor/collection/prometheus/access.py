"""Address and credentials of one Prometheus, validated before the first request.

Error messages name the setting and never quote a secret.
"""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from kubedoor.errors import InvalidInput, PrometheusRefused, PrometheusUnreachable
from kubedoor.sentences import sentence

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True)
class Access:
    """Build it with `checked`. `address` has no credentials and no trailing slash."""

    address: str
    headers: Mapping[str, str] = field(repr=False)
    bearer_token: str = field(repr=False)
    bearer_token_file: str
    username: str
    password: str = field(repr=False)

    @classmethod
    def checked(
        cls,
        url: str,
        *,
        bearer_token: str = "",
        bearer_token_file: str = "",
        username: str = "",
        password: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Credentials in `url` are the fallback for `username`. Raises InvalidInput that names the setting."""
        address, *url_credentials = _split_url(url)
        user, secret = (username, password) if username else url_credentials
        token = bearer_token.strip()
        if not _is_header_text(token):
            raise InvalidInput(sentence("prometheus.bad_token"), field="prometheus_bearer_token")
        for name, value in (headers or {}).items():
            if not _HEADER_NAME.fullmatch(name) or not _is_header_text(value):
                raise InvalidInput(sentence("prometheus.bad_header", name=repr(name)), field="prometheus_headers")
        return cls(
            address=address,
            headers=dict(headers or {}),
            bearer_token=token,
            bearer_token_file=bearer_token_file,
            username=user,
            password=secret,
        )

    def authorization(self) -> str:
        """The value of the Authorization header: bearer token, else token file, else user and password, else empty.

        The file is read for every request, because Kubernetes rotates its tokens. Raises PrometheusRefused if it is
        unreadable or holds no token.
        """
        if token := self.bearer_token or self._read_token_file():
            return f"Bearer {token}"
        if self.username:
            return f"Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}"
        return ""

    def _read_token_file(self) -> str:
        if not self.bearer_token_file:
            return ""
        try:
            token = Path(self.bearer_token_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise PrometheusRefused(sentence("prometheus.token_file", file=self.bearer_token_file)) from error
        if not token or not _is_header_text(token):
            raise PrometheusRefused(sentence("prometheus.empty_token_file", file=self.bearer_token_file))
        return token


def _split_url(url: str) -> tuple[str, str, str]:
    """(address, user name, password)"""
    try:
        parts = urlsplit(url.strip())
        is_usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise InvalidInput(sentence("prometheus.bad_address"), field="prometheus_url")
    path = parts.path.rstrip("/").removesuffix("/api/v1")
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{path}", unquote(parts.username or ""), unquote(parts.password or "")


def _is_header_text(text: str) -> bool:
    return text.isascii() and text.isprintable() and text == text.strip()


def check_ca_file(ca_file: str) -> None:
    """Without this check, `requests` would report an unusable CA file as an unreachable server."""
    if not ca_file:
        return
    try:
        ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise PrometheusUnreachable(sentence("prometheus.ca_file", file=ca_file)) from error
