"""Which passwords and secrets are too easy to guess. Pure.

No list of leaked passwords is complete, and no rule of character classes stops `Password1!`. So a password is looked at
as guessing programs do: without its case, digits for letters undone, and what is left must be more than a common word, the
name of its user, one character again and again, or a walk over the keyboard.
"""

from __future__ import annotations

import re

from kubedoor.sentences import NOTHING, Sentence, sentence

WELL_KNOWN_PASSWORD = "kubedoor"  # noqa: S105 -- the documented first password
"""The first password where no setting says another. Everybody knows it, so it opens nothing to other machines."""
MIN_PASSWORD_CHARACTERS = 8
MIN_SECRET_CHARACTERS = 16
MIN_DIFFERENT_CHARACTERS = 5
MIN_DIGITS_ONLY = 16
"""A birthday or a telephone number is shorter."""
_LEET = str.maketrans("013457@$!", "oieastasi")
_COMMON_WORDS = """
abc access admin administrator adminadmin apple baseball batman changeit changeme cluster computer default demo
dragon football foobar god guest hello helloworld iloveyou kubedoor kubernetes letmein login loveme love manager
master michael monkey mypassword nopassword operator pass passcode passphrase passw passwd password passwort
princess qwerty qwertyui qwertyuiop root secret shadow starwars sunshine superman system temp temporary test testing
tester testtest trustno trustnoone user username viewer welcome whatever woaini
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_WALKS = (
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qazwsxedcrfvtgbyhnujm",
    "!@#$%^&*()",
)
_MIN_WALK = 3


def weak_password(password: str, *, name: str = "") -> Sentence:
    """Why `password` of the user `name` is too easy to guess, as the end of a sentence; empty: it is not."""
    plain = password.casefold()
    if len(plain) < MIN_PASSWORD_CHARACTERS:
        return sentence("people.weak_short", least=MIN_PASSWORD_CHARACTERS)
    if len(set(plain)) < MIN_DIFFERENT_CHARACTERS:
        return sentence("people.weak_few_different", least=MIN_DIFFERENT_CHARACTERS)
    if plain.isdigit() and len(plain) < MIN_DIGITS_ONLY:
        return sentence("people.weak_digits", least=MIN_DIGITS_ONLY)
    if _is_repeated(plain):
        return sentence("people.weak_repeated")
    if len(_without_walks(plain)) <= _MIN_WALK:
        return sentence("people.weak_walk")
    if _words(plain) & (_COMMON | _words(name.casefold())):
        return sentence("people.weak_word")
    return NOTHING


def weak_secret(secret: str) -> Sentence:
    """As `weak_password`, for a text that no person has to remember."""
    if len(secret) < MIN_SECRET_CHARACTERS:
        return sentence("people.weak_short", least=MIN_SECRET_CHARACTERS)
    return weak_password(secret)


def _is_repeated(text: str) -> bool:
    # A text that is found inside its own double, not at the ends, consists of equal pieces.
    return (text + text).find(text, 1) < len(text)


def _without_walks(text: str) -> str:
    """`text` without all pieces of three or more neighbours on the keyboard, or in the alphabet, forwards or backwards."""
    for walk in (*_WALKS, *(walk[::-1] for walk in _WALKS)):
        for length in range(min(len(walk), len(text)), _MIN_WALK - 1, -1):
            for start in range(len(walk) - length + 1):
                text = text.replace(walk[start : start + length], "")
    return text


def _words(text: str) -> set[str]:
    """What `text` may be meant to be: its letters alone, and with digits and signs that stand for letters."""
    meant = text.strip("0123456789!?.#*-_ ").translate(_LEET)
    return {letters for found in (text, meant) if (letters := re.sub(r"[\W\d_]", "", found))}
