"""An OpenID Connect provider (authorization code with PKCE) with authlib's server.

`python -m tests.support.oidc_provider PORT`. Every log-in succeeds at once, as the person that the test set with POST
/test/person and a JSON object of claims. `{"ask": true}` shows a page to sign in or cancel first, `{"refuse": true}`
refuses the log-in, and `{"break": "nonce"}` (or issuer, audience, expiry, signature) makes the ID token invalid.
"""

from __future__ import annotations

import sys
import time
from html import escape
from types import SimpleNamespace
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749.errors import OAuth2Error
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from flask import Flask, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT_ID, CLIENT_SECRET = "kubedoor", "client-secret-of-the-test"
KEY_ID = "test-key"
PAGE = """<!doctype html><html lang="en"><title>Example ID</title><h1>Example ID</h1><form>{fields}
<button name="answer" value="sign-in">Sign in</button> <button name="answer" value="cancel">Cancel</button></form>"""


class Client:
    """The only registered client."""

    client_id = CLIENT_ID

    def __init__(self, redirect_uri: str) -> None:
        self._redirect_uri = redirect_uri

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return self._redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self._redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class State:
    """The state of the provider."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.redirect_uri = ""
        self.person: dict[str, Any] = {"sub": "nobody"}
        self.codes: dict[str, SimpleNamespace] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.key = RSAKey.generate_key(2048, {"kid": KEY_ID})
        self.other_key = RSAKey.generate_key(2048, {"kid": KEY_ID})

    def id_token(self, code: SimpleNamespace) -> str:
        person, now = dict(code.person), int(time.time())
        wrong = person.pop("break", "")
        hidden = person.pop("only_in_userinfo", [])
        claims = {
            **{name: value for name, value in person.items() if name not in hidden},
            "iss": self.issuer if wrong != "issuer" else "http://elsewhere.example",
            "aud": CLIENT_ID if wrong != "audience" else "another-client",
            "iat": now,
            "exp": now + 300 if wrong != "expiry" else now - 3600,
            "nonce": code.nonce if wrong != "nonce" else "another",
        }
        key = self.key if wrong != "signature" else self.other_key
        return jwt.encode({"alg": "RS256", "kid": KEY_ID}, claims, key)


def _code_grant(state: State) -> type[AuthorizationCodeGrant]:
    class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

        def save_authorization_code(self, code: str, request: Any) -> None:
            data, scope, redirect_uri = request.payload.data, request.payload.scope, request.payload.redirect_uri
            state.codes[code] = SimpleNamespace(
                code=code,
                nonce=data.get("nonce"),
                code_challenge=data.get("code_challenge"),
                code_challenge_method=data.get("code_challenge_method"),
                redirect_uri=redirect_uri,
                person=dict(state.person),
                get_redirect_uri=lambda: redirect_uri,
                get_scope=lambda: scope,
            )

        def query_authorization_code(self, code: str, client: Client) -> SimpleNamespace | None:
            return state.codes.get(code)

        def delete_authorization_code(self, authorization_code: SimpleNamespace) -> None:
            del state.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: SimpleNamespace) -> SimpleNamespace:
            return authorization_code

    return CodeGrant


def _hidden(field: tuple[str, str]) -> str:
    return f'<input type="hidden" name="{escape(field[0])}" value="{escape(field[1])}">'


def create_app(issuer: str) -> Flask:
    app = Flask(__name__)
    state = State(issuer)

    def save_token(token: dict[str, Any], request: Any) -> None:
        code = request.user
        token["id_token"] = state.id_token(code)
        state.tokens[token["access_token"]] = code.person

    server = AuthorizationServer(
        app,
        query_client=lambda client_id: Client(state.redirect_uri) if client_id == CLIENT_ID else None,
        save_token=save_token,
    )
    server.register_grant(_code_grant(state), [CodeChallenge(required=True)])

    @app.get("/.well-known/openid-configuration")
    def discovery() -> Any:
        return jsonify(
            issuer=issuer,
            authorization_endpoint=f"{issuer}/authorize",
            token_endpoint=f"{issuer}/token",
            userinfo_endpoint=f"{issuer}/userinfo",
            jwks_uri=f"{issuer}/keys",
        )

    @app.get("/keys")
    def keys() -> Any:
        return jsonify(keys=[state.key.as_dict(private=False)])

    @app.get("/authorize")
    def authorize() -> Any:
        answer = request.args.get("answer")
        if state.person.get("ask") and answer is None:
            return PAGE.format(fields="".join(map(_hidden, request.args.items())))
        if state.person.get("refuse") or answer == "cancel":
            return redirect(f"{request.args['redirect_uri']}?error=access_denied&state={request.args['state']}")
        try:
            grant = server.get_consent_grant(end_user=state.person)
        except OAuth2Error as error:
            return jsonify(dict(error.get_body())), 400
        return server.create_authorization_response(grant_user=state.person, grant=grant)

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()

    @app.get("/userinfo")
    def userinfo() -> Any:
        person = state.tokens[request.headers["Authorization"].removeprefix("Bearer ")]
        return jsonify({name: value for name, value in person.items() if name not in ("break", "only_in_userinfo")})

    @app.post("/test/person")
    def set_person() -> Any:
        state.person = dict(request.get_json())
        state.redirect_uri = state.person.pop("redirect_uri", state.redirect_uri)
        return jsonify(state.person)

    return app


def main() -> None:
    port = int(sys.argv[1])
    app = create_app(f"http://127.0.0.1:{port}")
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()


if __name__ == "__main__":
    main()
