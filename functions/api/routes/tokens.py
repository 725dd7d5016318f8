"""API tokens, for admins: `Authorization: Bearer …` instead of a session."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from kubedoor.store.tokens import TokenEntry

from ..schemas.base import may_fail
from ..schemas.identity import TokenAnswer, TokenBody, TokenMade
from ..security.access import CommonIn, EditorIn, LoginIn

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
def list_tokens(found: CommonIn, login: LoginIn) -> list[TokenAnswer]:
    """Those that have not been revoked, expired ones too; never the tokens themselves."""
    return [_answer(entry) for entry in found.tokens.all()]


@router.post("", operation_id="create_token", status_code=201, responses=may_fail(409))
def create_token(body: TokenBody, found: CommonIn, editor: EditorIn) -> TokenMade:
    """The answer is the only place where the token is ever shown."""
    token, secret = found.tokens.create(body.name, body.role, days=body.expires_in_days, editor=editor)
    return TokenMade(token=secret, **_answer(TokenEntry(token, None)).model_dump())


@router.delete("/{name}", operation_id="revoke_token", status_code=204, responses=may_fail(409))
def revoke_token(name: Annotated[str, Path(max_length=64)], found: CommonIn, editor: EditorIn) -> None:
    found.tokens.revoke(name, editor)
