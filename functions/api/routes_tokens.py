"""API tokens, for admins: `Authorization: Bearer …` instead of a session."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from kubedoor.store.tokens import Token

from .schemas import TokenAnswer, TokenBody, TokenMade
from .security import EditorIn, LoginIn, ServicesIn

router = APIRouter(prefix="/tokens", tags=["people"])


def _answer(token: Token) -> TokenAnswer:
    return TokenAnswer(
        name=token.name,
        role=token.role,
        made_by=token.made_by,
        made_at=token.made_at,
        expires_at=token.expires_at,
    )


@router.get("", operation_id="list_tokens")
def list_tokens(found: ServicesIn, login: LoginIn) -> list[TokenAnswer]:
    """Those that have not been revoked, expired ones too; never the tokens themselves."""
    return [_answer(token) for token in found.tokens.all()]


@router.post("", operation_id="create_token", status_code=201)
def create_token(body: TokenBody, found: ServicesIn, editor: EditorIn) -> TokenMade:
    """The answer is the only place where the token is ever shown."""
    token, secret = found.tokens.create(body.name, body.role, days=body.expires_in_days, editor=editor)
    return TokenMade(token=secret, **_answer(token).model_dump())


@router.delete("/{name}", operation_id="revoke_token", status_code=204)
def revoke_token(name: Annotated[str, Path(max_length=64)], found: ServicesIn, editor: EditorIn) -> None:
    found.tokens.revoke(name, editor)
