from __future__ import annotations

import json
import logging

import pytest

from kubedoor.runtime import logs


def test_a_log_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("kubedoor.test").exception("it failed: %s", "中文")
    line = json.loads(capsys.readouterr().out)
    assert (line["severity"], line["message"], line["logger"]) == ("ERROR", "it failed: 中文", "kubedoor.test")
    assert "ValueError: boom" in line["exception"]
