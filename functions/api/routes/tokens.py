"""API tokens, for admins: `Authorization: Bearer …` instead of a session."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from kubedoor.store.tokens import TokenEntry

from ..schemas.base import may_fail
from ..schemas.identity import TokenAnswer, TokenBody, TokenMade
from ..security.access import EditorIn, HomeServicesIn, LoginIn

router = APIRouter(prefix="/tokens", tags=["people"])


def _answer(entry: TokenEntry) -> TokenAnswer:
    token = entry.token
    return TokenAnswer(
        name=token.name,
        role=token.role,
        made_by=token.made_by,
        made_at=token.made_at,
        expires_at=token.expires_at,
        last_used_at=entry.last_used_at,
    )


@router.get("", operation_id="list_tokens")
def list_tokens(services: HomeServicesIn, login: LoginIn) -> list[TokenAnswer]:
    """Tokens that are not revoked, including expired ones; never the secrets."""
    return [_answer(entry) for entry in services.tokens.all()]


@router.post("", operation_id="create_token", status_code=201, responses=may_fail(409))
def create_token(body: TokenBody, services: HomeServicesIn, editor: EditorIn) -> TokenMade:
    """Create a token. Only this response contains the secret."""
    token, secret = services.tokens.create(body.name, body.role, days=body.expires_in_days, editor=editor)
    return TokenMade(token=secret, **_answer(TokenEntry(token, None)).model_dump())


@router.delete("/{name}", operation_id="revoke_token", status_code=204, responses=may_fail(409))
def revoke_token(name: Annotated[str, Path(max_length=64)], services: HomeServicesIn, editor: EditorIn) -> None:
    services.tokens.revoke(name, editor)
