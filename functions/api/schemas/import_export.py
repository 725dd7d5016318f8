"""Response models of imports."""

from __future__ import annotations

from pydantic import BaseModel, Field

from .base import SaidAnswer, Speaking
from .edits import ValueWarning


class SheetProblem(Speaking):
    line: int = Field(description="Line of the sheet; 1 is the header.")
    field: str
    message: str
    message_said: SaidAnswer


class SheetChangeAnswer(BaseModel):
    line: int
    namespace: str
    deployment: str
    container: str
    field: str = Field(description="`added`: the workload is put into the control table, with the mode in `after`.")
    before: int | str | None
    after: int | str | None


class SheetWarningAnswer(ValueWarning):
    line: int
    namespace: str
    deployment: str


class ImportAnswer(BaseModel):
    changes: list[SheetChangeAnswer]
    problems: list[SheetProblem] = Field(description="If there is one, nothing is changed.")
    applied: int = Field(description="How many workloads were changed; 0 for a preview.")
    added: int = Field(description="How many workloads of `changes` are not in the control table yet.")
    warnings: list[SheetWarningAnswer] = Field(description="What values that would be set would do.")
    fingerprint: str = Field(description="A hash of the changes: an import with it makes exactly these or none.")
