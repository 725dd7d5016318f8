"""How a topic declares a setting, and what a declaration says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from kubedoor.config.parsers import Url

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Parse = Callable[[str], Any]


class SettingRow(NamedTuple):
    """One setting: a row of docs/settings.md."""

    name: str
    variable: str
    default: str
    """As the environment variable would give it."""
    example: str
    meaning: str
    is_secret: bool
    parse: Parse
    """Raises ValueError or KubeDoorError."""

    @property
    def is_shown(self) -> bool:
        """Its value may be in messages and logs: it is no secret, and no URL, which may contain a password."""
        return not self.is_secret and not isinstance(self.parse, Url)

    @property
    def default_value(self) -> Any:
        return self.parse(self.default)


def setting(default: str, parse: Parse, example: str, meaning: str, *, secret: bool = False, variable: str = "") -> Any:
    """A dataclass field that is a setting. `variable` is only for a name other than KUBEDOOR_<FIELD>."""
    metadata = {
        "variable": variable,
        "default": default,
        "parse": parse,
        "example": example,
        "meaning": meaning,
        "is_secret": secret,
    }
    return field(metadata=metadata, repr=not secret and not isinstance(parse, Url))


def rows_of(topic: type[DataclassInstance]) -> tuple[SettingRow, ...]:
    """The settings that the dataclass `topic` declares, in order."""
    return tuple(
        SettingRow(
            name=entry.name,
            **{**entry.metadata, "variable": entry.metadata["variable"] or f"KUBEDOOR_{entry.name.upper()}"},
        )
        for entry in fields(topic)
    )
