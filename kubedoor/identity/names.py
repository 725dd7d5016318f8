"""Names of users and tokens: which are allowed, and which two look alike. Pure.

A record that says "admin did it" must mean one person. So a name has letters of one alphabet only (Chinese, Japanese and
Korean ones go with Latin ones), in Unicode's normal form (NFKC), and no two names may differ by their case only, or by
letters that are drawn alike. A small form of Unicode's UTS 39: its "highly restrictive" profile for the alphabets below,
and a table of the letters that people use for such tricks instead of its ten thousand confusables.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from kubedoor.sentences import NOTHING, Sentence, sentence

# Names are segments of URL paths, where `.` and `..` are resolved: an object of such a name could not be addressed.
USERNAME = re.compile(r"(?!\.{1,2}$)[\w.@+-]{1,128}")
TOKEN_NAME = re.compile(r"(?!\.{1,2}$)[\w.-]{1,64}")
_EAST_ASIAN = "Chinese, Japanese or Korean"
_ALPHABETS = (
    # Of Latin not the phonetic letters, small capitals and ligatures of the further blocks: many are drawn as ASCII.
    ("Latin", re.compile("[A-Za-zÀ-ÖØ-öø-ķĹ-žƠơƯưẠ-ỹ]")),
    (_EAST_ASIAN, re.compile("[々〆ぁ-ゖァ-ヺー㐀-䶿一-鿿가-힣ㄅ-ㄯ\U00020000-\U0003134f]")),
    ("Cyrillic", re.compile("[Ѐ-ԯ]")),
    ("Greek", re.compile("[Ά-ώ]")),
    ("Arabic", re.compile("[ؠ-يٮ-ۓ]")),
    ("Hebrew", re.compile("[א-ת]")),
    ("Devanagari", re.compile("[ऀ-ॡ]")),
    ("Thai", re.compile("[ก-๎]")),
)
_NEUTRAL = re.compile(r"[0-9_.@+-]")
_DRAWN_ALIKE = {
    "АВЕЅІЈКМНОРСТУХҮԌԚԜ": "ABESIJKMHOPCTYXYGQW",  # Cyrillic
    "аеѕіјорсухԁԛԝһӏѵ": "aesijopcyxdqwhlv",
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαινορυ": "ABEZHIKMNOPTYXaivopu",  # Greek
    "ロ力カ二ニ工エ口一ー八ハ夕タ卜ト": "口力力二二工工口一一八八夕夕卜卜",
    "ı01I|": "iolll",
}
_AS_DRAWN = {ord(a): b for alike, shown in _DRAWN_ALIKE.items() for a, b in zip(alike, shown, strict=True)}


def check_name(name: str, allowed: re.Pattern[str], rule: Sentence) -> Sentence:
    """Why `name` cannot be used; empty: it can. `rule` says what `allowed` allows."""
    if not allowed.fullmatch(name):
        return rule
    if unicodedata.normalize("NFKC", name) != name:
        return sentence("people.plain_form", rule=rule, name=repr(unicodedata.normalize("NFKC", name)))
    alphabets = {_alphabet(character) for character in name if not _NEUTRAL.fullmatch(character)}
    if "" in alphabets:
        known = ", ".join(known for known, _ in _ALPHABETS)
        return sentence("people.other_alphabets", rule=rule, alphabets=known)
    if len(alphabets) > 1 and not alphabets <= {_EAST_ASIAN, "Latin"}:
        return sentence("people.one_alphabet", rule=rule, alphabets=" and ".join(sorted(alphabets)))
    return NOTHING


def look_alike(name: str, others: Iterable[str]) -> str:
    """The first of `others` that nobody could tell from `name`: by case only, or drawn alike; empty: there is none."""
    folded, drawn = _folded(name), _drawn(name)
    return next((other for other in others if _folded(other) == folded or _drawn(other) == drawn), "")


def _alphabet(character: str) -> str:
    return next((known for known, letters in _ALPHABETS if letters.fullmatch(character)), "")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _drawn(name: str) -> str:
    """One letter for all that look like it, whatever its case."""
    return unicodedata.normalize("NFKC", name).translate(_AS_DRAWN).replace("rn", "m").casefold()
