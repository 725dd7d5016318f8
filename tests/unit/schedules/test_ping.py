"""The ping of a schedule's CronJob."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubedoor.schedules import ping
from tests.support.sites import Site, running


def test_the_token_of_a_schedule_is_not_sent_where_a_redirect_leads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "token"
    token.write_text("kubedoor_s3cret")
    with running(Site()) as other, running(Site(status=307, location=f"{other.url}/log-in")) as site:
        assert ping.main([site.url, str(token)], sleep=lambda _: None) == 1
        assert (other.authorizations, site.authorizations[0]) == ([], "Bearer kubedoor_s3cret")
    assert f"redirected to {other.url}, where the token is not sent" in capsys.readouterr().err
