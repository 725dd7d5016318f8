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
_MEBIBYTE = 2**20
_BINARY = (("Ei", 2**60), ("Pi", 2**50), ("Ti", 2**40), ("Gi", 2**30), ("Mi", _MEBIBYTE))
_DECIMAL = (("E", 10**18), ("P", 10**15), ("T", 10**12), ("G", 10**9), ("M", 10**6))
_WAYS = ((_MEBIBYTE, _BINARY), (10**6, _DECIMAL), (2**10, (("Ki", 2**10),)), (10**3, (("k", 10**3),)))
"""What the number is a multiple of, and the units it is then written in, the greatest first."""
_HUNDREDTHS = 100
_LARGE = tuple(suffix for suffix, _ in (*_BINARY, *_DECIMAL))
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


@lru_cache(maxsize=4096)
def format_cpu(millicores: int) -> str:
    """Millicores below one core, else cores with a decimal point: 250 -> `"250m"`, 1500 -> `"1.5"`, 2000 -> `"2"`."""
    if -1000 < millicores < 1000:
        return f"{millicores}m" if millicores else "0"
    return _decimal(Decimal(millicores) / 1000)


@lru_cache(maxsize=4096)
def format_memory(count_bytes: int) -> str:
    """Exact, in the greatest unit that needs no more than two decimals: 1610612736 -> `"1.5Gi"`, 512000000 -> `"512M"`.

    Whole mebibytes are written in binary units; what is exact in no unit is written in bytes.
    """
    if count_bytes < 0:
        return f"-{format_memory(-count_bytes)}"
    return _short(count_bytes) or str(count_bytes)


def readable_memory(count_bytes: int) -> str:
    """For people: as `exact_memory`, but rounded up to whole mebibytes where that would be bytes: `"380Mi"`."""
    exact = exact_memory(count_bytes)
    is_long = count_bytes > _MEBIBYTE and not exact.endswith(_LARGE)
    return format_memory(whole_mebibytes(count_bytes)) if is_long else exact


def exact_memory(count_bytes: int) -> str:
    """As `format_memory`, or as an owner may have typed it: 1503238554 -> `"1.4Gi"`, which is that, rounded up to bytes."""
    return _short(count_bytes) or _typed(count_bytes) or format_memory(count_bytes)


def whole_memory(count_bytes: int) -> str:
    """For manifests: exact where that is short, else rounded up to whole mebibytes, never a fraction of a byte."""
    exact = format_memory(count_bytes)
    return exact if exact.endswith(_LARGE) else format_memory(whole_mebibytes(count_bytes))


def whole_mebibytes(count_bytes: int) -> int:
    """Rounded up."""
    return -(-count_bytes // _MEBIBYTE) * _MEBIBYTE


def room_beside(limit_bytes: int) -> int:
    """The largest request beside this limit: one that manifests cannot have exactly is written in whole mebibytes."""
    return limit_bytes if format_memory(limit_bytes).endswith(_LARGE) else whole_mebibytes(limit_bytes)


def settable_memory(quantity: str | int | float) -> int:
    """Bytes of what somebody sets: exact, and whole mebibytes where it is a fraction of a byte (`"1.4Gi"` -> 1434Mi).

    Kubernetes would take the fraction, warn of it, and show it as `1503238553600m`.
    """
    count_bytes = memory_bytes(quantity)
    return count_bytes if parse(quantity) == count_bytes else whole_mebibytes(count_bytes)


def respelled(resource: str, quantity: str) -> str:
    """A quantity of `cpu` or `memory` as it is written for people; what is none, as it is: `"1500m"` -> `"1.5"`."""
    if not is_quantity(quantity):
        return quantity
    return format_cpu(cpu_millicores(quantity)) if resource == "cpu" else readable_memory(memory_bytes(quantity))


def _short(count_bytes: int) -> str | None:
    for least, units in _WAYS:
        if count_bytes > 0 and count_bytes % least == 0:
            # The last unit is what the number is a multiple of.
            return next(
                f"{_decimal(Decimal(count_bytes) / factor)}{suffix}"
                for suffix, factor in units
                if count_bytes >= factor and count_bytes * _HUNDREDTHS % factor == 0
            )
    return None


def _typed(count_bytes: int) -> str | None:
    """A spelling with one decimal whose fraction of a byte was rounded up."""
    for suffix, factor in _BINARY:
        tenths = count_bytes * 10 // factor
        if tenths >= 10 and -(-tenths * factor // 10) == count_bytes:
            return f"{_decimal(Decimal(tenths) / 10)}{suffix}"
    return None


def _decimal(value: Decimal) -> str:
    return format(value.normalize(), "f")
