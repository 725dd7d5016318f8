"""`python -m tests.soak [--short]`: ends with status 1 if something was not as it must be."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.soak.soak import LONG, SHORT, Soak
from tests.support.clickhouse import running_clickhouse


def main(*, short: bool) -> int:
    with tempfile.TemporaryDirectory() as name, running_clickhouse(Path(name) / "clickhouse") as clickhouse:
        report = Soak(SHORT if short else LONG, clickhouse, Path(name)).run(lambda words: print(words, flush=True))
    print(report.text())
    return bool(report.problems())


if __name__ == "__main__":
    sys.exit(main(short=sys.argv[1:] == ["--short"]))
