"""What people and tokens may do: three roles, each of which includes the ones below it. Pure."""

from __future__ import annotations

from enum import StrEnum

from kubedoor.errors import InvalidInput


class Role(StrEnum):
    """viewer: see. operator: also edit values, collect, act. admin: also the switch, people and tokens."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


_RANKS = {role: rank for rank, role in enumerate(Role)}


def includes(held: str, needed: Role) -> bool:
    """Whether who has `held` may do what asks for `needed`. A role that does not exist includes nothing."""
    return held in _RANKS and _RANKS[Role(held)] >= _RANKS[needed]


def role_named(name: str) -> Role:
    """Raises InvalidInput, listing the roles there are."""
    try:
        return Role(name)
    except ValueError:
        raise InvalidInput(f"there is no role {name!r}: there are {', '.join(Role)}", field="role") from None
