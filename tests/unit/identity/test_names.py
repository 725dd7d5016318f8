"""Names of users and tokens: allowed ones, and those that nobody could tell apart."""

from __future__ import annotations

import pytest

from kubedoor.identity.names import TOKEN_NAME, USERNAME, check_name, look_alike
from kubedoor.sentences import Sentence

RULE = Sentence("a name has letters")


@pytest.mark.parametrize(
    "name",
    [
        "ann",
        "ann@example.com",
        "O'Neil".replace("'", "."),
        "张三",
        "张三-ops",
        "田中さん",
        "김철수",
        "müller",
        "иван",
        "Νίκος",
        "x1",
    ],
)
def test_people_are_called_as_they_are_called(name: str) -> None:
    assert check_name(name, USERNAME, RULE) == ""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", RULE),
        ("..", RULE),
        ("a b", RULE),
        ("a/b", RULE),
        ("ann\u200b", RULE),
        ("ａｎｎ", "plain form"),
        ("ﬁnn", "plain form"),
        ("аnn", "Cyrillic and Latin"),
        ("annα", "Greek and Latin"),
        ("ᴀnn", "other alphabets"),
        ("Ꭺnn", "other alphabets"),
        ("ann٣", "other alphabets"),
    ],
)
def test_a_name_that_could_be_another_is_refused(name: str, why: str) -> None:
    assert why in check_name(name, USERNAME, RULE)


def test_a_token_has_a_shorter_name() -> None:
    assert check_name("ci-pipeline", TOKEN_NAME, RULE) == ""
    assert check_name("ci@pipeline", TOKEN_NAME, RULE) == RULE


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Ann", "ann"),
        ("STRASSE", "straße"),
        ("а" + "сео", "aceo"),
        ("ΑΝΝ", "ANN"),
        ("admın", "admin"),
        ("adm1n", "admln"),
        ("b0b", "bob"),
        ("Ian", "lan"),
        ("bam", "barn"),
        ("ロ", "口"),
        ("same", "same"),
    ],
)
def test_names_that_nobody_can_tell_apart_are_found(name: str, other: str) -> None:
    assert look_alike(name, ["somebody", other]) == other
    assert look_alike(other, ["somebody", name]) == name


@pytest.mark.parametrize(
    ("name", "other"), [("ann", "anne"), ("ian", "lan"), ("müller", "muller"), ("user-1", "user-2")]
)
def test_names_that_differ_may_both_be_there(name: str, other: str) -> None:
    assert look_alike(name, [other]) == ""
