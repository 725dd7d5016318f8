"""Sessions, users and tokens over the wire."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from .base import NewPassword, RoleName, Strict


class LoginBody(Strict):
    username: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=200)


class PasswordBody(Strict):
    old_password: str = Field(max_length=200)
    new_password: NewPassword


class ClusterEntry(BaseModel):
    name: str
    is_sample: bool
    no_access: str = Field(description="Why nothing can be done there, but collect and show it; empty: it can.")


class SessionAnswer(BaseModel):
    username: str
    role: str = Field(description="viewer, operator or admin: which routes it may use is in docs/people.md.")
    via: str = Field(description="session or token.")
    source: str = Field(description="local, or oidc: then there is no password here to change.")
    expires_at: datetime
    must_change_password: bool = Field(description="The first password is still in use.")
    may_skip_change: bool = Field(description="True on loopback: the change is advised, not demanded.")
    cluster: str = Field(description="The home cluster.")
    is_sample: bool = Field(description="Usage is made up: there is no Prometheus.")
    clusters: list[ClusterEntry] = Field(description="Every cluster, the home cluster first.")


class LoginWays(BaseModel):
    password: bool
    oidc: bool = Field(description="There is an identity provider: GET /api/v1/session/oidc leads to it.")
    oidc_name: str


class UserBody(Strict):
    username: str = Field(min_length=1, max_length=128)
    password: NewPassword = Field(description="A first password: it has to be changed at the first log-in.")
    role: RoleName


class UserChange(Strict):
    role: RoleName
    version: int | None = Field(default=None, ge=0, description="The version this was decided on; null: any.")


class NewPasswordBody(Strict):
    password: NewPassword


class UserAnswer(BaseModel):
    username: str
    role: str
    source: str
    must_change_password: bool
    version: int


class UserEntryAnswer(UserAnswer):
    changed_at: datetime


class TokenBody(Strict):
    name: str = Field(min_length=1, max_length=64)
    role: RoleName
    expires_in_days: int = Field(default=90, ge=1, le=3650)


class TokenAnswer(BaseModel):
    name: str
    role: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="Some minutes behind at most; null: never used.")


class TokenMade(TokenAnswer):
    token: str = Field(description="Shown this once: only a hash of it is kept.")
