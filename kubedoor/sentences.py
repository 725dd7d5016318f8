"""Sentences for people: an English text that knows its code and parameters, from which other languages are made. Pure.

The texts are in `kubedoor.wording`, the Chinese ones in web/src/locales/zh-CN/sentences. A Sentence is a str, so that logs,
kubectl and comparisons need nothing else; a text that is put together from one (`f"{reason}!"`) has no code any more, so
the outer sentence takes the inner one as a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, Self

from kubedoor.wording import CATALOGUE

SAID = "_said"
"""The ending of the field beside a text's that has its code and parameters, in the API and in records."""


class Sentence(str):
    """`code` is empty for a text that has none: somebody else's (the API server's), or an older record's."""

    __slots__ = ("code", "parameters")
    code: str
    parameters: Mapping[str, str | int | float]
    """Each may be a Sentence itself."""

    def __new__(cls, text: str = "", code: str = "", parameters: Mapping[str, Any] | None = None) -> Self:
        self = super().__new__(cls, text)
        self.code = code
        self.parameters = parameters or {}
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.code, dict(self.parameters))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def as_json(self) -> dict[str, Any]:
        """The inverse of `restored`."""
        parameters = {name: _parameter_as_json(value) for name, value in self.parameters.items()}
        return {"code": self.code, "parameters": parameters, "text": str(self)}


NOTHING = Sentence()
"""Instead of a sentence that there is not."""


class _Number(int):
    """Chooses a word by the format `singular|plural`."""

    def __format__(self, form: str) -> str:
        one, found, many = form.partition("|")
        if not found:
            return super().__format__(form)
        return one if self == 1 else many


_PLAIN = frozenset({str, int, float, Sentence})
"""What parameters mostly are; looked up faster than tested."""
_CHOOSING = frozenset(code for code, text in CATALOGUE.items() if "|" in text)


def sentence(code: str, /, **parameters: object) -> Sentence:
    """The sentence of the catalogue. Strings, numbers and Sentences stay as they are, other parameters become strings."""
    for name, value in parameters.items():
        if type(value) not in _PLAIN and not isinstance(value, str | int | float):
            parameters[name] = str(value)
    return Sentence(_rendered(code, parameters), code, parameters)


def as_sentence(text: str) -> Sentence:
    """A text without a code, unless it is a Sentence already."""
    return text if isinstance(text, Sentence) else Sentence(text)


def joined(*parts: str) -> Sentence:
    """One after the other, without those that are empty."""
    said = [as_sentence(part) for part in parts if part]
    return reduce(lambda first, then: sentence("common.joined", first=first, then=then), said) if said else Sentence()


def listed(parts: Sequence[str]) -> Sentence:
    """With commas; there is at least one."""
    return reduce(lambda first, then: sentence("common.listed", first=first, then=then), map(as_sentence, parts))


def restored(text: str, said: object) -> Sentence:
    """A stored sentence, in today's words; `text` where its code is not known any more, or there is none."""
    code = said.get("code") if isinstance(said, Mapping) else None
    if not code or not isinstance(said, Mapping):
        return Sentence(text)
    parameters = {name: _parameter(value) for name, value in said["parameters"].items()}
    try:
        return Sentence(_rendered(code, parameters), code, parameters)
    except (KeyError, ValueError):
        return Sentence(text, code, parameters)


def with_said(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`fields`, ready for JSON, with code and parameters beside every sentence and every list of sentences."""
    found = dict(fields)
    for name, value in fields.items():
        if isinstance(value, Sentence):
            found[name + SAID] = value.as_json()
        elif isinstance(value, list | tuple) and value and all(isinstance(one, Sentence) for one in value):
            found[name + SAID] = [one.as_json() for one in value]
    return found


def without_said(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `with_said`; texts of older records become sentences without a code only where they are read as such."""
    found = {name: value for name, value in fields.items() if not name.endswith(SAID)}
    for name, said in fields.items():
        field = name.removesuffix(SAID)
        if field == name or field not in found:
            continue
        if isinstance(said, list):
            found[field] = [restored(text, one) for text, one in zip(found[field], said, strict=False)]
        else:
            found[field] = restored(found[field], said)
    return found


def _rendered(code: str, values: Mapping[str, Any]) -> str:
    if code in _CHOOSING:
        values = {name: _Number(value) if type(value) is int else value for name, value in values.items()}
    return CATALOGUE[code].format_map(values)


def _parameter_as_json(value: object) -> object:
    return value.as_json() if isinstance(value, Sentence) else value


def _parameter(value: Any) -> str | int | float:
    return restored(value.get("text", ""), value) if isinstance(value, Mapping) else value
