"""`kubedoor add` and `remove` refuse wrong words before they ask anybody."""

from __future__ import annotations

import pytest

from kubedoor.cli import EXIT_SETTINGS, main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "checkout"), "checkout: name the workload as NAMESPACE/DEPLOYMENT"),
        (("add", "shop/web/x"), "NAMESPACE/DEPLOYMENT"),
        (("remove", "shop/"), "NAMESPACE/DEPLOYMENT"),
        (("add", "shop/x", "--like", "web"), "--like web"),
        (("add", "shop/x", "--like", "a/b/c/d"), "--like a/b/c/d"),
        (("add", "shop/x", "--container", "app"), "write it like checkout=web"),
        (("add", "shop/x", "--set", "app.cpu=1"), "app.cpu_request=250m"),
        (("add", "shop/x", "--set", "cpu_request=1"), "app.cpu_request=250m"),
        (("add", "shop/x", "--set", "app.cpu_request"), "app.cpu_request=250m"),
    ],
)
def test_wrong_words_are_refused(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    assert main([*words]) == EXIT_SETTINGS
    assert said in capsys.readouterr().err
