"""The only importer of `authlib`: log-in at an OpenID Connect provider, authorization code with PKCE.

The browser carries what has to come back unchanged (state, nonce, code verifier) in a signed cookie, so any pod can
finish what another one started. What the provider says is believed when its signature, issuer, audience, nonce and
times are right; a signature with a shared secret, or none, is never accepted.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from kubedoor.errors import Forbidden, IdentityError, Unauthorized
from kubedoor.roles import Role, includes

TIMEOUT_SECONDS = 10
DISCOVERED_FOR = timedelta(minutes=5)
ASKED_AT_ONCE = 8
"""Anybody may start a log-in: while the provider is slow, these must not take every thread of the server."""
TURN_SECONDS = 1
LOGIN_SECONDS = 600
"""How long somebody may take at the provider."""
CLOCK_LEEWAY_SECONDS = 60
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
EVERYBODY = "*"


@dataclass(frozen=True)
class OidcOptions:
    """`role_mapping`: value of the role claim to role; `*` is everybody. Empty secret: a public client."""

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
    """Somebody the provider knows. `subject` is the issuer and its own, unchanging name for the person."""

    username: str
    role: Role
    subject: str


class Oidc:
    def __init__(self, options: OidcOptions, *, now: Callable[[], datetime]) -> None:
        self._options = options
        self._now = now
        self._turns = threading.BoundedSemaphore(ASKED_AT_ONCE)
        self._known: tuple[datetime, dict[str, Any]] | None = None
        """What the provider said of itself, and until when that is believed."""

    def start(self) -> tuple[str, dict[str, Any]]:
        """The provider's address to go to, and what the browser has to bring back. Raises IdentityError."""
        with self._session() as session, _translated():
            kept = {
                "state": secrets.token_urlsafe(24),
                "nonce": secrets.token_urlsafe(24),
                "verifier": secrets.token_urlsafe(48),
                "made_at": self._now().timestamp(),
            }
            address, _ = session.create_authorization_url(
                self._discovered(session)["authorization_endpoint"],
                state=kept["state"],
                nonce=kept["nonce"],
                code_verifier=kept["verifier"],
            )
            return str(address), kept

    def finish(self, *, code: str, state: str, kept: Mapping[str, Any]) -> Identity:
        """Who has come back with this code.

        Raises Unauthorized when it is not the browser that started, or too late; Forbidden when the person has no role
        here; IdentityError when the provider is away or its answer must not be believed.
        """
        if not secrets.compare_digest(str(kept.get("state", "")).encode(), state.encode()):
            raise Unauthorized("this log-in was not started here: start again")
        if self._now().timestamp() - float(kept.get("made_at", 0)) > LOGIN_SECONDS:
            raise Unauthorized("this log-in took too long: start again")
        with self._session() as session, _translated():
            provider = self._discovered(session)
            with self._turn():
                token = session.fetch_token(
                    provider["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=str(kept.get("verifier", "")),
                )
                claims = self._claims(session, provider, token, str(kept.get("nonce", "")))
        return self._identity(claims)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """To ask the provider something. Raises IdentityError when too many are waiting for it."""
        if not self._turns.acquire(timeout=TURN_SECONDS):
            raise IdentityError("many people are logging in at the identity provider just now: try again")
        try:
            yield
        finally:
            self._turns.release()

    def _session(self) -> OAuth2Session:
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

    def _discovered(self, session: OAuth2Session) -> dict[str, Any]:
        now = self._now()
        if self._known is not None and now < self._known[0]:
            return self._known[1]
        with self._turn():
            found = self._discover(session)
        self._known = (now + DISCOVERED_FOR, found)
        return found

    def _discover(self, session: OAuth2Session) -> dict[str, Any]:
        address = f"{self._options.issuer}/.well-known/openid-configuration"
        found = _json(session.get(address, withhold_token=True, timeout=TIMEOUT_SECONDS))
        if str(found.get("issuer", "")).rstrip("/") != self._options.issuer:
            raise IdentityError("the provider at KUBEDOOR_OIDC_ISSUER says that it is another issuer")
        return found

    def _claims(
        self, session: OAuth2Session, provider: Mapping[str, Any], token: Mapping[str, Any], nonce: str
    ) -> dict[str, Any]:
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
        found = dict(claims)
        wanted = (self._options.username_claim, self._options.role_claim)
        if any(_claim(found, name) is None for name in wanted) and provider.get("userinfo_endpoint"):
            more = _json(session.get(provider["userinfo_endpoint"], timeout=TIMEOUT_SECONDS))
            if more.get("sub") != found["sub"]:
                raise IdentityError("the provider speaks of two different people")
            found = {**more, **found}
        return found

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        username = _claim(claims, self._options.username_claim)
        if not isinstance(username, str) or not username:
            raise IdentityError(f"the provider does not say {self._options.username_claim}: check scopes and claims")
        held = _claim(claims, self._options.role_claim)
        values = {str(value) for value in held} if isinstance(held, list) else {str(held)}
        mapping = self._options.role_mapping
        roles = [Role(role) for value, role in mapping.items() if value == EVERYBODY or value in values]
        best = [role for role in roles if all(includes(role, other) for other in roles)]
        if not best:
            raise Forbidden(f"{username} has no role in KubeDoor", username=username)
        return Identity(username, best[0], f"{claims['iss']} {claims['sub']}")


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, else by a path of names with dots between; None: it is not there."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _json(answer: Any) -> dict[str, Any]:
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise IdentityError("the identity provider answers something that is not an object")
    return found


class _translated:  # noqa: N801 -- reads as a clause: `with _translated():`
    """Turns what authlib, joserfc and the HTTP client raise into IdentityError; never a code, a token or a secret."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, AuthlibBaseError):
            raise IdentityError(f"the identity provider refuses: {error.error}") from error
        if isinstance(error, JoseError):
            raise IdentityError(f"the identity provider's answer is not right: {error.error}") from error
        if isinstance(error, OSError):
            raise IdentityError("the identity provider cannot be reached, or does not answer as it should") from error
        if isinstance(error, KeyError | ValueError):
            raise IdentityError("the identity provider's answer lacks something") from error
