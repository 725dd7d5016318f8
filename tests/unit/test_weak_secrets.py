"""Which passwords and secrets are too easy to guess."""

from __future__ import annotations

import pytest

from kubedoor.weak_secrets import weak_password, weak_secret

TRIVIAL = """
password Password1! P@ssw0rd123 12345678 87654321 qwertyui 1q2w3e4r 1qaz2wsx abcd1234 qwer1234 aaaaaaaa abababab
abcdeabcde Admin@2024 kubedoor kubedoor-2024 letmein1 welcome1 20241231 iloveyou !!trustno1!! annabella annabella99
"""
GOOD = [
    "kubedoor-first",
    "annabella-password",
    "much better words",
    "x7Kp2mQ9",
    "密码是很长的一句话",
    "sw0rdfish!!",
    "9223372036854775807",
]


@pytest.mark.parametrize("password", TRIVIAL.split())
def test_a_trivial_password_is_told_why(password: str) -> None:
    assert weak_password(password, name="annabella")


@pytest.mark.parametrize("password", GOOD)
def test_a_password_of_ones_own_is_taken(password: str) -> None:
    assert weak_password(password, name="annabella") == ""


@pytest.mark.parametrize(
    "secret", ["x", "t", "a" * 40, "abcdefghijklmnopqrstuvwxyz", "short-secret", "0123456789012345678"]
)
def test_a_secret_that_signs_must_be_long_and_random(secret: str) -> None:
    assert weak_secret(secret)


def test_a_random_secret_is_taken() -> None:
    assert weak_secret("JbX3v0sKq9TzW2aF") == ""
