"""Imports manual values from a CSV sheet: first a preview of the changes and problems, then the import.

A sheet with a problem in any line is refused as a whole. Where `adds`, a line without a version puts a workload into the
control table that is not there; one with a version is of an export, so that its workload has gone since.
"""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from kubedoor.errors import BadRequest, Conflict, InvalidInput, KubeDoorError
from kubedoor.identity.audit import Editor
from kubedoor.model.values import ManualValues, Mode, Resources, WorkloadKey
from kubedoor.sentences import sentence
from kubedoor.sizing.dangers import Danger
from kubedoor.store.connection import Row
from kubedoor.workloads.additions import Addition, Additions
from kubedoor.workloads.csv_sheet import Problem, SheetEdit, read_sheet
from kubedoor.workloads.edits import Edit
from kubedoor.workloads.service import Workloads
from kubedoor.workloads.value_warnings import ValueWarnings, Wanted

MAX_SHEET_BYTES = 8 * 2**20
ADDED = "added"


@dataclass(frozen=True)
class SheetChange:
    """One changed field. `container` is empty for fields of the workload itself; None is a value that is not set.

    The first one of a workload that is put into the control table has the field ADDED, and its mode in `after`.
    """

    line: int
    namespace: str
    deployment: str
    container: str
    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class SheetWarning:
    """What a value of the sheet would do; `danger.field` as an edit names it."""

    line: int
    namespace: str
    deployment: str
    danger: Danger


@dataclass(frozen=True)
class ImportResult:
    """`applied` is the number of changed workloads: 0 for a preview, and 0 if there were problems before the import.

    `added` is how many of the workloads in `changes` are not in the control table yet.

    `fingerprint` is a hash of `changes`. An import that names it is refused if its own changes differ.
    """

    changes: tuple[SheetChange, ...]
    problems: tuple[Problem, ...]
    fingerprint: str
    applied: int = 0
    added: int = 0
    warnings: tuple[SheetWarning, ...] = ()
    """Of workloads that the sheet changes."""


@dataclass(frozen=True)
class _Planned:
    """`edit` is None for a workload that is put into the control table."""

    sheet_edit: SheetEdit
    edit: Edit | None
    changes: Sequence[SheetChange]
    wanted: Wanted


class CsvImport:
    def __init__(self, workloads: Workloads, additions: Additions, warnings: ValueWarnings, *, cluster: str) -> None:
        self._workloads = workloads
        self._additions = additions
        self._warnings = warnings
        self._cluster = cluster

    def preview(self, data: bytes, *, adds: bool = False) -> ImportResult:
        """The changes and problems of the sheet, without writing. Raises BadRequest if it is no sheet."""
        edits, problems = read_sheet(_decode(data))
        planned, edit_problems = self._plan(edits, adds)
        return _result(planned, [*problems, *edit_problems], self._warned(planned))

    def apply(self, data: bytes, editor: Editor, *, fingerprint: str = "", adds: bool = False) -> ImportResult:
        """Write the changes, unless any line has a problem. Workloads without a change are not written.

        Raises Conflict if `fingerprint` is given and the changes differ from those of that preview. The import is not
        atomic: a workload that somebody edits between check and write becomes a problem; the others stay written.
        """
        edits, problems = read_sheet(_decode(data))
        planned, edit_problems = self._plan(edits, adds)
        problems += edit_problems
        if fingerprint and not problems and fingerprint != _fingerprint(_changes_of(planned)):
            raise Conflict(sentence("workloads.sheet_outdated"))
        applied = 0
        if not problems:
            for one in planned:
                try:
                    self._write(one, editor)
                    applied += 1
                except KubeDoorError as error:
                    problems.append(_problem(one.sheet_edit, error))
        return _result(planned, problems, self._warned(planned), applied)

    def _warned(self, planned: Sequence[_Planned]) -> list[SheetWarning]:
        names = {(one.sheet_edit.namespace, one.sheet_edit.deployment): one for one in planned}
        found = self._warnings.of_each({name: one.wanted for name, one in names.items()})
        return [
            SheetWarning(_line(names[name].sheet_edit, danger.field), *name, danger)
            for name, some in found.items()
            for danger in some
        ]

    def _write(self, planned: _Planned, editor: Editor) -> None:
        key = self._key(planned.sheet_edit)
        if planned.edit is None:
            self._additions.add(key, Addition(planned.sheet_edit.changes), editor)
        else:
            self._workloads.edit(key, planned.edit, editor)

    def _plan(self, edits: list[SheetEdit], adds: bool) -> tuple[list[_Planned], list[Problem]]:
        planned, problems = [], []
        known = self._workloads.all_with_manual() if edits else {}
        for sheet_edit in edits:
            rows, manual = known.get(self._key(sheet_edit), ([], ManualValues()))
            try:
                if adds and not rows and sheet_edit.version is None:
                    one = self._planned_addition(sheet_edit)
                else:
                    one = self._planned_edit(sheet_edit, rows, manual)
            except KubeDoorError as error:
                problems.append(_problem(sheet_edit, error))
                continue
            if one.changes:
                planned.append(one)
        return planned, problems

    def _planned_edit(self, sheet_edit: SheetEdit, rows: list[Row], manual: ManualValues) -> _Planned:
        _check_containers(sheet_edit, rows, manual)
        if (sheet_edit.changes.get("mode") or Mode.ENFORCE) == (manual.mode or Mode.ENFORCE):
            # The exported sheet has the effective mode, which is "enforce" also where no mode is set.
            sheet_edit.changes.pop("mode", None)
        edit = Edit(manual.version if sheet_edit.version is None else sheet_edit.version, sheet_edit.changes)
        after = self._workloads.plan_edit(self._key(sheet_edit), rows, manual, edit)
        wanted = Wanted(after, bool(rows[0]["hpa"]))
        return _Planned(sheet_edit, edit, list(_changes(sheet_edit, manual, after)), wanted)

    def _planned_addition(self, sheet_edit: SheetEdit) -> _Planned:
        before = ManualValues()
        after = self._additions.plan(self._key(sheet_edit), before, Addition(sheet_edit.changes))
        where = (sheet_edit.first_line, sheet_edit.namespace, sheet_edit.deployment)
        changes = _changes(sheet_edit, replace(before, mode=after.mode), after)
        added = SheetChange(*where, "", ADDED, None, after.mode)
        return _Planned(sheet_edit, None, [added, *changes], Wanted(after))

    def _key(self, edit: SheetEdit) -> WorkloadKey:
        return WorkloadKey(self._cluster, edit.namespace, edit.deployment)


def _result(
    planned: Sequence[_Planned], problems: Sequence[Problem], warnings: Sequence[SheetWarning], applied: int = 0
) -> ImportResult:
    ordered, changes = sorted(problems, key=lambda problem: problem.line), _changes_of(planned)
    added = sum(one.edit is None for one in planned)
    return ImportResult(tuple(changes), tuple(ordered), _fingerprint(changes), applied, added, tuple(warnings))


def _changes_of(planned: Sequence[_Planned]) -> list[SheetChange]:
    return [change for one in planned for change in one.changes]


def _fingerprint(changes: Sequence[SheetChange]) -> str:
    return hashlib.sha256(json.dumps([asdict(change) for change in changes]).encode()).hexdigest()[:32]


def _decode(data: bytes) -> str:
    if len(data) > MAX_SHEET_BYTES:
        raise BadRequest(sentence("workloads.sheet_too_large", most=MAX_SHEET_BYTES // 2**20))
    try:
        # "Unicode text" of a spreadsheet is UTF-16, with a mark at its beginning.
        is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(sentence("workloads.sheet_not_utf8")) from error


def _check_containers(edit: SheetEdit, rows: list[Row], manual: ManualValues) -> None:
    """Raises InvalidInput for an unknown container: a value of a misspelt one would be stored and never shown."""
    known = {row["container"] for row in rows} | set(manual.containers)
    for name, fields in edit.changes.get("containers", {}).items():
        if rows and name not in known and any(fields.values()):
            names = ", ".join(sorted(known - {""}))
            message = sentence("workloads.unknown_container", container=name, containers=names)
            raise InvalidInput(message, field=f"containers.{name}.container")


def _line(edit: SheetEdit, field: str) -> int:
    """The line of a field as an edit names it."""
    parts = field.split(".")
    return edit.lines.get(parts[1], edit.first_line) if len(parts) > 1 else edit.first_line


def _problem(edit: SheetEdit, error: KubeDoorError) -> Problem:
    """The error with its line and column: `containers.app.cpu_request` belongs to the line of container `app`."""
    name = str(error.details.get("field", ""))
    parts = name.split(".")
    if parts[0] == "containers" and len(parts) == 2:
        return Problem(edit.lines.get(parts[1], edit.first_line), "container", error.message)
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
