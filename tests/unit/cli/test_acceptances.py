"""`kubedoor accept` refuses wrong words before it asks anybody."""

from __future__ import annotations

import pytest

from kubedoor.cli import EXIT_SETTINGS, main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "NAMESPACE/DEPLOYMENT"),
        (("web",), "web: name workloads as NAMESPACE/DEPLOYMENT"),
        (("shop/",), "shop/: name workloads"),
        (("shop/web", "--waiting"), "--waiting"),
        (("--waiting", "--withdraw"), "--withdraw"),
        (("shop/web", "--condition", "TooLate"), "TooLate"),
        (("shop/web", "--until", "soon"), "write a date such as 2026-12-31"),
        (("shop/web", "--until", "9999-12-31"), "write a date such as 2026-12-31"),
    ],
)
def test_wrong_words_are_refused(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    assert main(["accept", *words]) == EXIT_SETTINGS
    assert said in capsys.readouterr().err
