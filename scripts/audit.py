"""Looks for known vulnerabilities: of Python packages with pip-audit, of the web UI's with npm audit.

python -m scripts.audit                  # fails also if nobody can be asked
python -m scripts.audit --if-reachable   # as `make lint` does: without a service there is no verdict, and it is said

Both tools take "not found" for "nothing known", so a package that the service does not know counts as not audited here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts import lock_files
from scripts.lock_files import ROOT

EXCEPTIONS = ROOT / "scripts" / "audit_exceptions.toml"
TIMEOUT_SECONDS = 300


class NotAudited(Exception):
    """Nobody could be asked; the message says who did not answer."""


@dataclass(frozen=True)
class Finding:
    """One vulnerability of one package. `ids` has all its names."""

    package: str
    ids: frozenset[str]
    title: str

    def __str__(self) -> str:
        return f"{self.package}: {', '.join(sorted(self.ids))} {self.title}"


@dataclass(frozen=True)
class Accepted:
    id: str
    package: str
    reason: str
    until: date


def python_findings(answer: Mapping[str, Any]) -> Iterator[Finding]:
    """Of pip-audit's JSON. Raises NotAudited if a package was skipped."""
    skipped = [one["name"] for one in answer["dependencies"] if "skip_reason" in one]
    if skipped:
        raise NotAudited(f"the advisories of PyPI do not know {len(skipped)} packages, such as {skipped[0]}")
    for package in answer["dependencies"]:
        for found in package["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "no version"
            ids = frozenset([found["id"], *found.get("aliases", [])])
            yield Finding(package["name"], ids, f"(fixed by {fixed})")


def npm_findings(answer: Mapping[str, Any]) -> Iterator[Finding]:
    """Of npm's JSON. Raises NotAudited if it is no report."""
    if "vulnerabilities" not in answer:
        raise NotAudited(f"npm audit: {answer.get('message') or 'no report'}".partition(" - ")[0])
    for name, package in answer["vulnerabilities"].items():
        # A text names another package, which has the vulnerability itself.
        for via in (one for one in package["via"] if isinstance(one, dict)):
            yield Finding(name, frozenset([via["url"].rpartition("/")[2]]), f"{via['severity']}: {via['title']}")


def accepted(text: str, today: date) -> list[Accepted]:
    """Raises ValueError for an exception without a reason, or after its time."""
    found = [Accepted(**one) for one in tomllib.loads(text).get("exceptions", [])]
    for one in found:
        if not one.reason.strip():
            raise ValueError(f"the exception for {one.id} has no reason")
        if one.until < today:
            raise ValueError(f"the exception for {one.id} ended on {one.until}: {one.reason}")
    return found


def unaccepted(findings: Iterable[Finding], exceptions: Iterable[Accepted]) -> list[Finding]:
    allowed = {(one.package, one.id) for one in exceptions}
    return [one for one in findings if not any((one.package, name) in allowed for name in one.ids)]


def _ask_python() -> list[Finding]:
    with TemporaryDirectory() as folder:
        # One package first: where nobody answers, asking for all of them takes half a minute.
        first = next(lock_files.pinned(lock_files.IMAGE))
        probe = Path(folder) / "probe.txt"
        probe.write_text(f"{first.name}=={first.version} {' '.join(f'--hash={one}' for one in first.hashes)}\n")
        list(python_findings(_pip_audit(probe)))
    return [found for lock in (lock_files.EVERYTHING, lock_files.BUILD) for found in python_findings(_pip_audit(lock))]


def _pip_audit(lock: Path) -> Mapping[str, Any]:
    options = ["--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    return _json_of([sys.executable, "-m", "pip_audit", "--requirement", str(lock), *options], "pip-audit")


def _ask_npm() -> list[Finding]:
    command = [sys.executable, "scripts/npm.py", "--prefix", "web", "audit", "--package-lock-only", "--json"]
    return list(npm_findings(_json_of(command, "npm audit")))


def _json_of(command: list[str], name: str) -> Mapping[str, Any]:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
        answer: Mapping[str, Any] = json.loads(done.stdout)
    except (ValueError, subprocess.SubprocessError) as error:
        raise NotAudited(f"{name} gives no report: {type(error).__name__}") from error
    return answer


def main() -> int:
    exceptions = accepted(EXCEPTIONS.read_text(encoding="utf-8"), date.today())  # noqa: DTZ011 -- a day of the calendar
    status = 0
    for name, ask in (("Python packages", _ask_python), ("npm packages", _ask_npm)):
        try:
            findings = unaccepted(ask(), exceptions)
        except NotAudited as reason:
            print(f"{name} are NOT audited, because {reason}; `make audit` where the service can be reached")
            status |= "--if-reachable" not in sys.argv
            continue
        for finding in findings:
            print(finding)
        print(f"{name}: {len(findings) or 'no'} known vulnerabilities")
        status |= bool(findings)
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
