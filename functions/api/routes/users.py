"""Users, for admins."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from kubedoor.store.users import User

from ..schemas.base import may_fail
from ..schemas.identity import NewPasswordBody, UserAnswer, UserBody, UserChange, UserEntryAnswer
from ..security.access import EditorIn, HomeServicesIn, LoginIn
from ..security.login_queue import passwords_queue

router = APIRouter(prefix="/users", tags=["people"])
Username = Annotated[str, Path(max_length=128)]


def _answer(user: User) -> UserAnswer:
    return UserAnswer(
        username=user.username,
        role=user.role,
        source=user.source,
        must_change_password=user.must_change_password,
        version=user.version,
    )


@router.get("", operation_id="list_users")
def list_users(services: HomeServicesIn, login: LoginIn) -> list[UserEntryAnswer]:
    return [UserEntryAnswer(**asdict(entry)) for entry in services.users.all()]


@router.post("", operation_id="create_user", status_code=201, responses=may_fail(409, 429))
async def create_user(body: UserBody, request: Request, services: HomeServicesIn, editor: EditorIn) -> UserAnswer:
    """Create a user with a first password, which must be changed at the first log-in."""
    work = partial(services.users.create, body.username, body.password, body.role, editor)
    return _answer(await passwords_queue(request).run(editor.address, work))


@router.patch("/{username}", operation_id="change_user", responses=may_fail(409))
def change_user(username: Username, body: UserChange, services: HomeServicesIn, editor: EditorIn) -> UserAnswer:
    return _answer(services.users.set_role(username, body.role, editor, version=body.version))


@router.put("/{username}/password", operation_id="reset_password", responses=may_fail(409, 429))
async def reset_password(
    username: Username, body: NewPasswordBody, request: Request, services: HomeServicesIn, editor: EditorIn
) -> UserAnswer:
    """Set a new first password; all sessions of the user end."""
    work = partial(services.users.reset_password, username, body.password, editor)
    return _answer(await passwords_queue(request).run(editor.address, work))


@router.post("/{username}/log-out", operation_id="log_user_out", status_code=204, responses=may_fail(409))
def log_user_out(username: Username, services: HomeServicesIn, editor: EditorIn) -> None:
    """End all sessions of the user."""
    services.users.log_out(username, editor)


@router.delete("/{username}", operation_id="delete_user", status_code=204, responses=may_fail(409))
def delete_user(
    username: Username, services: HomeServicesIn, editor: EditorIn, version: Annotated[int | None, Query(ge=0)] = None
) -> None:
    """Delete a user; 409 for the last admin."""
    services.users.delete(username, editor, version=version)
