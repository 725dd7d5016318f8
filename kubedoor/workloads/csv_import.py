"""Imports manual values from a CSV sheet: first a preview of the changes and problems, then the import.

A sheet with a problem in any line is refused as a whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kubedoor.errors import BadRequest, Conflict, InvalidInput, KubeDoorError
from kubedoor.identity.audit import Editor
from kubedoor.model.values import ManualValues, Mode, Resources, WorkloadKey
from kubedoor.store.connection import Row
from kubedoor.workloads.csv_sheet import Problem, SheetEdit, read_sheet
from kubedoor.workloads.service import Edit, Workloads

MAX_SHEET_BYTES = 8 * 2**20


@dataclass(frozen=True)
class SheetChange:
    """One changed field. `container` is empty for fields of the workload itself; None is a value that is not set."""

    line: int
    namespace: str
    deployment: str
    container: str
    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class ImportResult:
    """`applied` is the number of changed workloads: 0 for a preview, and 0 if there were problems before the import.

    `fingerprint` is a hash of `changes`. An import that names it is refused if its own changes differ.
    """

    changes: tuple[SheetChange, ...]
    problems: tuple[Problem, ...]
    fingerprint: str
    applied: int = 0


class CsvImport:
    def __init__(self, workloads: Workloads, *, cluster: str) -> None:
        self._workloads = workloads
        self._cluster = cluster

    def preview(self, data: bytes) -> ImportResult:
        """The changes and problems of the sheet, without writing. Raises BadRequest if it is no sheet."""
        edits, problems = read_sheet(_decode(data))
        _, changes, edit_problems = self._plan(edits)
        return _result(changes, [*problems, *edit_problems])

    def apply(self, data: bytes, editor: Editor, *, fingerprint: str = "") -> ImportResult:
        """Write the changes, unless any line has a problem. Workloads without a change are not written.

        Raises Conflict if `fingerprint` is given and the changes differ from those of that preview. The import is not
        atomic: a workload that somebody edits between check and write becomes a problem; the others stay written.
        """
        edits, problems = read_sheet(_decode(data))
        planned, changes, edit_problems = self._plan(edits)
        problems += edit_problems
        if fingerprint and not problems and fingerprint != _fingerprint(changes):
            raise Conflict("somebody has edited these workloads since: what would change is not what was shown")
        applied = 0
        if not problems:
            for sheet_edit, edit in planned:
                try:
                    self._workloads.edit(self._key(sheet_edit), edit, editor)
                    applied += 1
                except KubeDoorError as error:
                    problems.append(_problem(sheet_edit, error))
        return _result(changes, problems, applied)

    def _plan(self, edits: list[SheetEdit]) -> tuple[list[tuple[SheetEdit, Edit]], list[SheetChange], list[Problem]]:
        planned, changes, problems = [], [], []
        known = self._workloads.all_with_manual() if edits else {}
        for sheet_edit in edits:
            key = self._key(sheet_edit)
            try:
                rows, manual = known.get(key, ([], ManualValues()))
                _check_containers(sheet_edit, rows, manual)
                if (sheet_edit.changes.get("mode") or Mode.ENFORCE) == (manual.mode or Mode.ENFORCE):
                    # The exported sheet has the effective mode, which is "enforce" also where no mode is set.
                    sheet_edit.changes.pop("mode", None)
                edit = Edit(manual.version if sheet_edit.version is None else sheet_edit.version, sheet_edit.changes)
                changed = list(_changes(sheet_edit, manual, self._workloads.plan_edit(key, rows, manual, edit)))
            except KubeDoorError as error:
                problems.append(_problem(sheet_edit, error))
                continue
            if changed:
                changes += changed
                planned.append((sheet_edit, edit))
        return planned, changes, problems

    def _key(self, edit: SheetEdit) -> WorkloadKey:
        return WorkloadKey(self._cluster, edit.namespace, edit.deployment)


def _result(changes: Sequence[SheetChange], problems: Sequence[Problem], applied: int = 0) -> ImportResult:
    ordered = sorted(problems, key=lambda problem: problem.line)
    return ImportResult(tuple(changes), tuple(ordered), _fingerprint(changes), applied)


def _fingerprint(changes: Sequence[SheetChange]) -> str:
    return hashlib.sha256(json.dumps([asdict(change) for change in changes]).encode()).hexdigest()[:32]


def _decode(data: bytes) -> str:
    if len(data) > MAX_SHEET_BYTES:
        raise BadRequest(f"the sheet is larger than {MAX_SHEET_BYTES // 2**20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest("the sheet is not UTF-8: save it as CSV UTF-8") from error


def _check_containers(edit: SheetEdit, rows: list[Row], manual: ManualValues) -> None:
    """Raises InvalidInput for an unknown container: a value of a misspelt one would be stored and never shown."""
    known = {row["container"] for row in rows} | set(manual.containers)
    for name, fields in edit.changes.get("containers", {}).items():
        if rows and name not in known and any(fields.values()):
            names = ", ".join(sorted(known - {""}))
            raise InvalidInput(f"there is no container {name}: there are {names}", field=f"containers.{name}.container")


def _problem(edit: SheetEdit, error: KubeDoorError) -> Problem:
    """The error with its line and column: `containers.app.cpu_request` belongs to the line of container `app`."""
    name = str(error.details.get("field", ""))
    parts = name.split(".")
    if parts[0] == "containers" and len(parts) > 2:
        container, resource = ".".join(parts[1:-1]), parts[-1]
        column = resource if resource == "container" else f"manual_{resource}"
        return Problem(edit.lines.get(container, edit.first_line), column, error.message)
    return Problem(edit.first_line, "manual_replicas" if name == "replicas" else name, error.message)


def _changes(edit: SheetEdit, before: ManualValues, after: ManualValues) -> Iterator[SheetChange]:
    where = (edit.namespace, edit.deployment)
    for name in ("mode", "replicas"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield SheetChange(edit.first_line, *where, "", name, old, new)
    for container in sorted({*before.containers, *after.containers}):
        old_values = asdict(before.containers.get(container, Resources()))
        new_values = asdict(after.containers.get(container, Resources()))
        line = edit.lines.get(container, edit.first_line)
        for name, old in old_values.items():
            if old != new_values[name]:
                yield SheetChange(line, *where, container, name, old, new_values[name])
