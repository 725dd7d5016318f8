"""Parses and formats Kubernetes quantities: the only module that knows the suffixes.

Grammar: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/. CPU is converted to
millicores and memory to bytes, both rounded **up** as the API server does: a request never becomes smaller.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_UP, Decimal
from functools import lru_cache

from kubedoor.errors import QuantityError
from kubedoor.sentences import sentence

_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
    "Ei": Decimal(2) ** 60,
}
_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]{1,9}))?"
)
_BINARY = (("Ei", 2**60), ("Pi", 2**50), ("Ti", 2**40), ("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))
LARGEST = 2**63 - 1
_NANO = Decimal("1e-9")
_EXPONENT = 400


def parse(quantity: str | int | float) -> Decimal:
    """`"250m"` -> 0.25, `"1Ki"` -> 1024, `"1e3"` -> 1000, `2` -> 2.

    As the API server does, more than 2^63-1 is that, and what is finer than 1n is rounded up. Raises QuantityError for
    what is no quantity.
    """
    if isinstance(quantity, bool) or not isinstance(quantity, str | int | float):
        raise QuantityError(sentence("workloads.not_a_quantity", quantity=repr(quantity)))
    return _parsed(str(quantity))


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Decimal:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise QuantityError(sentence("workloads.not_a_quantity", quantity=repr(text)))
    number = Decimal(match["number"])
    if exponent := match["exponent"]:
        # Beyond these, a number of any length is as good as infinite, or as 1n.
        value = number.scaleb(min(max(int(exponent), -_EXPONENT), _EXPONENT)) if number else number
    else:
        value = number * _SUFFIXES[match["suffix"] or ""]
    if abs(value) >= LARGEST:
        return Decimal(LARGEST).copy_sign(value)
    return value if value == value.quantize(_NANO, ROUND_DOWN) else value.quantize(_NANO, ROUND_UP)


@lru_cache(maxsize=4096)
def are_equal(one: str, other: str) -> bool:
    """Whether two spellings are the same number. Raises QuantityError."""
    return parse(one) == parse(other)


def is_quantity(text: str) -> bool:
    """Whether the text has the form of a quantity, however large."""
    return _QUANTITY.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _rounded_up(value: Decimal, units: int) -> int:
    return int((value * units).to_integral_value(rounding=ROUND_CEILING))


def cpu_millicores(quantity: str | int | float) -> int:
    """`"0.5"` -> 500, `"250u"` -> 1."""
    return _rounded_up(parse(quantity), 1000)


def memory_bytes(quantity: str | int | float) -> int:
    """`"1Mi"` -> 1048576, `"128974848000m"` -> 128974848."""
    return _rounded_up(parse(quantity), 1)


def format_cpu(millicores: int) -> str:
    """The canonical form: 1500 -> `"1500m"`, 2000 -> `"2"`."""
    return str(millicores // 1000) if millicores % 1000 == 0 else f"{millicores}m"


def format_memory(count_bytes: int) -> str:
    """The canonical form: 1610612736 -> `"1536Mi"`, 1000 -> `"1000"`."""
    for suffix, factor in _BINARY:
        if count_bytes and count_bytes % factor == 0:
            return f"{count_bytes // factor}{suffix}"
    return str(count_bytes)
