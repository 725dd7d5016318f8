"""Manual values from a sheet: first what would change and what is wrong, line by line; then, if wanted, the change."""

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
    """One field that would change; `container` is empty for the workload itself. None: not set by hand."""

    line: int
    namespace: str
    deployment: str
    container: str
    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Imported:
    """`applied`: how many workloads were changed; 0 for a preview, and where something is wrong.

    `fingerprint` stands for the changes; whoever has looked at them can ask for these and no others.
    """

    changes: tuple[SheetChange, ...]
    problems: tuple[Problem, ...]
    fingerprint: str
    applied: int = 0


class Importing:
    def __init__(self, workloads: Workloads, *, cluster: str) -> None:
        self._workloads = workloads
        self._cluster = cluster

    def preview(self, data: bytes) -> Imported:
        """What the sheet would change. Raises BadRequest when it is no sheet."""
        edits, problems = read_sheet(_text(data))
        _, changes, more = self._planned(edits)
        return _imported(changes, [*problems, *more])

    def apply(self, data: bytes, editor: Editor, *, fingerprint: str = "") -> Imported:
        """Change it, unless anything is wrong with any line. Workloads without a change are not touched.

        With the `fingerprint` of a preview, Conflict where the changes would be others than those that were shown.
        An edit by somebody else between check and change is a problem of its lines; what was changed before stays.
        """
        edits, problems = read_sheet(_text(data))
        planned, changes, more = self._planned(edits)
        problems += more
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
        return _imported(changes, problems, applied)

    def _planned(self, edits: list[SheetEdit]) -> tuple[list[tuple[SheetEdit, Edit]], list[SheetChange], list[Problem]]:
        planned, changes, problems = [], [], []
        known = self._workloads.all_known() if edits else {}
        for sheet_edit in edits:
            key = self._key(sheet_edit)
            try:
                rows, manual = known.get(key, ([], ManualValues()))
                _check_containers(sheet_edit, rows, manual)
                if (sheet_edit.changes.get("mode") or Mode.ENFORCE) == (manual.mode or Mode.ENFORCE):
                    # A sheet shows the mode that counts, and not whether somebody has ever set it.
                    sheet_edit.changes.pop("mode", None)
                edit = Edit(manual.version if sheet_edit.version is None else sheet_edit.version, sheet_edit.changes)
                found = list(_changes(sheet_edit, manual, self._workloads.planned(key, rows, manual, edit)))
            except KubeDoorError as error:
                problems.append(_problem(sheet_edit, error))
                continue
            if found:
                changes += found
                planned.append((sheet_edit, edit))
        return planned, changes, problems

    def _key(self, edit: SheetEdit) -> WorkloadKey:
        return WorkloadKey(self._cluster, edit.namespace, edit.deployment)


def _imported(changes: Sequence[SheetChange], problems: Sequence[Problem], applied: int = 0) -> Imported:
    ordered = sorted(problems, key=lambda problem: problem.line)
    return Imported(tuple(changes), tuple(ordered), _fingerprint(changes), applied)


def _fingerprint(changes: Sequence[SheetChange]) -> str:
    return hashlib.sha256(json.dumps([asdict(change) for change in changes]).encode()).hexdigest()[:32]


def _text(data: bytes) -> str:
    if len(data) > MAX_SHEET_BYTES:
        raise BadRequest(f"the sheet is larger than {MAX_SHEET_BYTES // 2**20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest("the sheet is not UTF-8: save it as CSV UTF-8") from error


def _check_containers(edit: SheetEdit, rows: list[Row], manual: ManualValues) -> None:
    """A misspelt container would be a value that nobody ever sees again. Raises InvalidInput."""
    known = {row["container"] for row in rows} | set(manual.containers)
    for name, fields in edit.changes.get("containers", {}).items():
        if rows and name not in known and any(fields.values()):
            there_are = ", ".join(sorted(known - {""}))
            raise InvalidInput(
                f"there is no container {name}: there are {there_are}", field=f"containers.{name}.container"
            )


def _problem(edit: SheetEdit, error: KubeDoorError) -> Problem:
    """The line that an error of the edit is about: `containers.app.cpu_request` stands on the line of `app`."""
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
