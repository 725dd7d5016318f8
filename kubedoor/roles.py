"""The three roles of users and tokens; each role includes the lower ones. Pure."""

from __future__ import annotations

from enum import StrEnum

from kubedoor.errors import InvalidInput
from kubedoor.sentences import sentence


class Role(StrEnum):
    """viewer: read. operator: also edit values, collect, run actions. admin: also the switch, users and tokens."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


_RANKS = {role: rank for rank, role in enumerate(Role)}


def includes(held: str, needed: Role) -> bool:
    """Whether the role `held` grants everything that `needed` grants. An unknown role grants nothing."""
    return held in _RANKS and _RANKS[Role(held)] >= _RANKS[needed]


def role_named(name: str) -> Role:
    """Raises InvalidInput that lists the roles."""
    try:
        return Role(name)
    except ValueError:
        raise InvalidInput(
            sentence("people.no_such_role", role=repr(name), roles=", ".join(Role)), field="role"
        ) from None
