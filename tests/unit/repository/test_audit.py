"""What counts as audited, and what an exception has to say."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scripts.audit import (
    EXCEPTIONS,
    Accepted,
    Finding,
    NotAudited,
    accepted,
    npm_findings,
    python_findings,
    unaccepted,
)

TODAY = date(2026, 11, 27)
VULNERABLE: dict[str, Any] = {
    "name": "requests",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2.33"], "description": "…"}],
}


def test_a_vulnerability_is_said_with_its_names_and_its_fix() -> None:
    (found,) = python_findings({"dependencies": [{"name": "rich", "version": "1", "vulns": []}, VULNERABLE]})
    assert str(found) == "requests: CVE-2026-1, PYSEC-2026-1 (fixed by 2.33)"


def test_a_package_that_the_service_does_not_know_is_not_taken_for_a_good_one() -> None:
    skipped = {"name": "rich", "skip_reason": "Dependency not found"}
    with pytest.raises(NotAudited, match="do not know 1 packages, such as rich"):
        list(python_findings({"dependencies": [VULNERABLE, skipped]}))


def test_npm_reports_the_package_that_has_it_itself() -> None:
    via = {"url": "https://github.com/advisories/GHSA-1", "severity": "high", "title": "Reads files"}
    answer = {"vulnerabilities": {"vite": {"via": [via, "rollup"]}, "plugin": {"via": ["vite"]}}}
    (found,) = npm_findings(answer)
    assert str(found) == "vite: GHSA-1 high: Reads files"
    with pytest.raises(NotAudited, match=r"405 Method Not Allowed$"):
        list(npm_findings({"message": "405 Method Not Allowed - POST https://somewhere/-/npm/v1"}))


def test_an_exception_is_for_one_package_and_ends() -> None:
    text = '[[exceptions]]\nid = "CVE-2026-1"\npackage = "requests"\nreason = "never called"\nuntil = 2026-12-31\n'
    exceptions = accepted(text, TODAY)
    assert exceptions == [Accepted("CVE-2026-1", "requests", "never called", date(2026, 12, 31))]
    found = list(python_findings({"dependencies": [VULNERABLE]}))
    assert unaccepted(found, exceptions) == []
    other = Finding("other", frozenset(["CVE-2026-1"]), "")
    assert unaccepted([other], exceptions) == [other]
    with pytest.raises(ValueError, match="ended on 2026-12-31"):
        accepted(text, date(2027, 1, 1))
    with pytest.raises(ValueError, match="has no reason"):
        accepted(text.replace("never called", " "), TODAY)


def test_the_exceptions_of_today_are_explained() -> None:
    assert all(len(one.reason) > 20 for one in accepted(EXCEPTIONS.read_text(encoding="utf-8"), date.min))
