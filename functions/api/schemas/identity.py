"""Request and response models of sessions, users and tokens."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from .base import NewPassword, RoleName, SaidAnswer, Speaking, Strict


class LoginBody(Strict):
    username: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=200)


class PasswordBody(Strict):
    old_password: str = Field(max_length=200)
    new_password: NewPassword


class ClusterEntry(Speaking):
    name: str
    is_sample: bool
    no_access: str = Field(description="Why the cluster can only be collected and shown; empty: there is full access.")
    no_access_said: SaidAnswer


class SessionAnswer(BaseModel):
    username: str
    role: str = Field(description="viewer, operator or admin; docs/people.md lists the routes of each.")
    via: str = Field(description="session or token.")
    source: str = Field(description="local, or oidc: then there is no local password to change.")
    expires_at: datetime
    must_change_password: bool = Field(description="The first password is still in use.")
    may_skip_change: bool = Field(description="True on loopback: the change is recommended, not required.")
    cluster: str = Field(description="The home cluster.")
    is_sample: bool = Field(description="Usage is sample data: no Prometheus is configured.")
    clusters: list[ClusterEntry] = Field(description="Every cluster, the home cluster first.")
    version: str = Field(description="Of KubeDoor.")


class LoginWays(BaseModel):
    password: bool
    oidc: bool = Field(description="An identity provider is configured: GET /api/v1/session/oidc redirects to it.")
    oidc_name: str


class UserBody(Strict):
    username: str = Field(min_length=1, max_length=128)
    password: NewPassword = Field(description="A first password: the user must change it at the first log-in.")
    role: RoleName


class UserChange(Strict):
    role: RoleName
    version: int | None = Field(default=None, ge=0, description="The version this change is based on; null: any.")


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
    last_used_at: datetime | None = Field(description="Up to some minutes late; null: never used.")


class TokenMade(TokenAnswer):
    token: str = Field(description="Shown only in this response: the store has its hash.")
