"""Log-in at an OpenID Connect provider: authorization code flow with PKCE. The only importer of `authlib`.

State, nonce and code verifier are kept in a signed cookie, so any pod can finish a log-in that another one started. An
ID token is accepted only with a valid asymmetric signature, issuer, audience, nonce and lifetime; a signature with a
shared secret, or none, is refused.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from kubedoor.errors import Forbidden, IdentityError, Unauthorized
from kubedoor.roles import Role, includes
from kubedoor.sentences import sentence

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session

TIMEOUT_SECONDS = 10
DISCOVERY_TTL = timedelta(minutes=5)
"""How long the provider's discovery document is cached."""
MAX_CONCURRENT_REQUESTS = 8
"""To the provider. Anybody may start a log-in: with a slow provider these would otherwise block all threads."""
SLOT_WAIT_SECONDS = 1
LOGIN_TIMEOUT_SECONDS = 600
"""Maximum time between the start of a log-in and the return from the provider."""
CLOCK_LEEWAY_SECONDS = 60
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
EVERYBODY = "*"


@dataclass(frozen=True)
class OidcOptions:
    """`role_mapping`: value of the role claim -> role; `*` matches every user. Without a secret: a public client."""

    issuer: str
    client_id: str
    client_secret: str
    scopes: str
    username_claim: str
    role_claim: str
    role_mapping: Mapping[str, str]
    redirect_uri: str
    ca_file: str = ""


@dataclass(frozen=True)
class Identity:
    """A user of the provider. `subject`: issuer and `sub` claim, which never changes."""

    username: str
    role: Role
    subject: str


class OidcClient:
    def __init__(self, options: OidcOptions, *, now: Callable[[], datetime]) -> None:
        self._options = options
        self._now = now
        self._slots = threading.BoundedSemaphore(MAX_CONCURRENT_REQUESTS)
        self._discovered: tuple[datetime, dict[str, Any]] | None = None
        """Expiry and content of the cached discovery document."""

    def start(self) -> tuple[str, dict[str, Any]]:
        """The authorization URL, and the pending log-in to keep in a signed cookie. Raises IdentityError."""
        with self._session() as session, _translated():
            pending = {
                "state": secrets.token_urlsafe(24),
                "nonce": secrets.token_urlsafe(24),
                "verifier": secrets.token_urlsafe(48),
                "made_at": self._now().timestamp(),
            }
            address, _ = session.create_authorization_url(
                self._provider(session)["authorization_endpoint"],
                state=pending["state"],
                nonce=pending["nonce"],
                code_verifier=pending["verifier"],
            )
            return str(address), pending

    def finish(self, *, code: str, state: str, pending: Mapping[str, Any]) -> Identity:
        """Exchange the code for the user's identity. `pending` is what `start` returned.

        Raises Unauthorized if another browser started the log-in or it took too long, Forbidden if no role maps to the
        user, IdentityError if the provider is not available or its response is invalid.
        """
        if not secrets.compare_digest(str(pending.get("state", "")).encode(), state.encode()):
            raise Unauthorized(sentence("people.not_started"))
        if self._now().timestamp() - float(pending.get("made_at", 0)) > LOGIN_TIMEOUT_SECONDS:
            raise Unauthorized(sentence("people.took_too_long"))
        with self._session() as session, _translated():
            provider = self._provider(session)
            with self._slot():
                token = session.fetch_token(
                    provider["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=str(pending.get("verifier", "")),
                )
                claims = self._claims(session, provider, token, str(pending.get("nonce", "")))
        return self._identity(claims)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """Limits concurrent requests to the provider. Raises IdentityError if none is free within SLOT_WAIT_SECONDS."""
        if not self._slots.acquire(timeout=SLOT_WAIT_SECONDS):
            raise IdentityError(sentence("people.many_at_provider"))
        try:
            yield
        finally:
            self._slots.release()

    def _session(self) -> OAuth2Session:
        # Imported by the first log-in: most have no provider, and every start of `api` would wait for it.
        from authlib.integrations.requests_client import OAuth2Session

        options = self._options
        session = OAuth2Session(
            options.client_id,
            options.client_secret or None,
            scope=options.scopes,
            redirect_uri=options.redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if options.client_secret else "none",
            default_timeout=TIMEOUT_SECONDS,
        )
        session.verify = options.ca_file or True
        return session

    def _provider(self, session: OAuth2Session) -> dict[str, Any]:
        now = self._now()
        if self._discovered is not None and now < self._discovered[0]:
            return self._discovered[1]
        with self._slot():
            document = self._discover(session)
        self._discovered = (now + DISCOVERY_TTL, document)
        return document

    def _discover(self, session: OAuth2Session) -> dict[str, Any]:
        address = f"{self._options.issuer}/.well-known/openid-configuration"
        document = _json(session.get(address, withhold_token=True, timeout=TIMEOUT_SECONDS))
        if str(document.get("issuer", "")).rstrip("/") != self._options.issuer:
            raise IdentityError(sentence("people.other_issuer"))
        return document

    def _claims(
        self, session: OAuth2Session, provider: Mapping[str, Any], token: Mapping[str, Any], nonce: str
    ) -> dict[str, Any]:
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.jwk import KeySet

        keys: Any = _json(session.get(provider["jwks_uri"], withhold_token=True, timeout=TIMEOUT_SECONDS))
        decoded = jwt.decode(token["id_token"], KeySet.import_key_set(keys), algorithms=SIGNATURES)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": provider["issuer"]},
                "aud": {"essential": True, "value": self._options.client_id},
            },
            {"nonce": nonce, "client_id": self._options.client_id, "access_token": token.get("access_token")},
        )
        claims.validate(now=int(self._now().timestamp()), leeway=CLOCK_LEEWAY_SECONDS)
        known = dict(claims)
        required = (self._options.username_claim, self._options.role_claim)
        if any(_claim(known, name) is None for name in required) and provider.get("userinfo_endpoint"):
            userinfo = _json(session.get(provider["userinfo_endpoint"], timeout=TIMEOUT_SECONDS))
            if userinfo.get("sub") != known["sub"]:
                raise IdentityError(sentence("people.other_user"))
            known = {**userinfo, **known}
        return known

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        username = _claim(claims, self._options.username_claim)
        if not isinstance(username, str) or not username:
            raise IdentityError(sentence("people.no_claim", claim=self._options.username_claim))
        held = _claim(claims, self._options.role_claim)
        values = {str(value) for value in held} if isinstance(held, list) else {str(held)}
        mapping = self._options.role_mapping
        roles = [Role(role) for value, role in mapping.items() if value == EVERYBODY or value in values]
        best = [role for role in roles if all(includes(role, other) for other in roles)]
        if not best:
            raise Forbidden(sentence("people.no_role", who=username), username=username)
        return Identity(username, best[0], f"{claims['iss']} {claims['sub']}")


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, else by a dotted path into nested objects; None if it is missing."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _json(response: Any) -> dict[str, Any]:
    response.raise_for_status()
    body = response.json()
    if not isinstance(body, dict):
        raise IdentityError(sentence("people.provider_no_object"))
    return body


class _translated:  # noqa: N801 -- reads as a clause: `with _translated():`
    """Turns exceptions of authlib, joserfc and the HTTP client into IdentityError, without codes, tokens or secrets."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if error is None:
            return
        from authlib.common.errors import AuthlibBaseError
        from joserfc.errors import JoseError

        if isinstance(error, AuthlibBaseError):
            raise IdentityError(sentence("people.provider_refuses", error=error.error)) from error
        if isinstance(error, JoseError):
            raise IdentityError(sentence("people.provider_invalid", error=error.error)) from error
        if isinstance(error, OSError):
            raise IdentityError(sentence("people.provider_unreachable")) from error
        if isinstance(error, KeyError | ValueError):
            raise IdentityError(sentence("people.provider_lacks")) from error
