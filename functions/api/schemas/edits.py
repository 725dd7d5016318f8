"""Request and response models of edits: what people set by hand, and what comes of it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator

from kubedoor.model.values import WorkloadKey
from kubedoor.sizing.dangers import DangerKind
from kubedoor.workloads.edits import MAX_REPLICAS

from .base import (
    CONTAINER_NAME,
    Bytes,
    ErrorBody,
    Millicores,
    Mode,
    ObjectName,
    Quantity,
    SaidAnswer,
    Speaking,
    Strict,
)

# The library checks them: its message says what is wrong with a name.
NewNamespace = Annotated[str, Field(max_length=253, json_schema_extra={"pattern": f"^{CONTAINER_NAME}$"})]
NewDeployment = Annotated[
    str, Field(max_length=253, json_schema_extra={"pattern": rf"^{CONTAINER_NAME}(\.{CONTAINER_NAME})*$"})
]


class ContainerEdit(Strict):
    """Kubernetes quantities (`250m`, `1.5`, `512Mi`); null unsets a field, an absent field stays unchanged."""

    cpu_request: Quantity | None = None
    memory_request: Quantity | None = None
    cpu_limit: Quantity | None = None
    memory_limit: Quantity | None = None


class WorkloadEdit(Strict):
    version: int = Field(ge=0, description="The version this edit is based on; 0: never edited.")
    mode: Mode | None = None
    replicas: int | None = Field(default=None, ge=0, le=MAX_REPLICAS)
    containers: dict[str, ContainerEdit] = Field(
        default_factory=dict, json_schema_extra={"propertyNames": {"pattern": f"^{CONTAINER_NAME}$"}}
    )
    note: str = Field(default="", max_length=1000)

    @field_validator("containers")
    @classmethod
    def _named_as_containers(cls, containers: dict[str, ContainerEdit]) -> dict[str, ContainerEdit]:
        if any(not re.fullmatch(CONTAINER_NAME, name) for name in containers):
            raise ValueError("that is not how a container can be named")
        return containers

    def changes(self) -> dict[str, Any]:
        """The fields that the client sent, without `version`."""
        return self.model_dump(exclude_unset=True, exclude={"version"})


class BulkEdit(WorkloadEdit):
    namespace: ObjectName
    deployment: ObjectName


class BulkBody(Strict):
    edits: list[BulkEdit] = Field(min_length=1, max_length=1000)


class WorkloadName(Strict):
    cluster: str = Field(default="", max_length=253, description="Empty: the cluster of the request.")
    namespace: ObjectName
    deployment: ObjectName

    def key(self, cluster: str) -> WorkloadKey:
        """`cluster`: that of the request."""
        return WorkloadKey(self.cluster or cluster, self.namespace, self.deployment)


class NewContainer(ContainerEdit):
    """As an edit; what is absent is as the template has it."""

    template_container: str | None = Field(
        default=None, max_length=63, description="The template's container that this one is like, of another name."
    )


class NewWorkload(Strict):
    namespace: NewNamespace
    deployment: NewDeployment
    mode: Mode = "enforce"
    replicas: int | None = Field(default=None, ge=0, le=MAX_REPLICAS, description="Absent: as the template has it.")
    containers: dict[str, NewContainer] = Field(
        default_factory=dict, json_schema_extra={"propertyNames": {"pattern": f"^{CONTAINER_NAME}$"}}
    )
    note: str = Field(default="", max_length=1000)
    template: WorkloadName | None = Field(
        default=None,
        description="A workload whose control values are taken over, as they are now, where the body has none.",
    )

    def changes(self) -> dict[str, Any]:
        """The fields that the client sent, without names and template; the mode always."""
        sent = self.model_dump(exclude_unset=True, exclude={"namespace", "deployment", "template"})
        return {**sent, "mode": self.mode}


class ManualResources(BaseModel):
    cpu_request_millicores: Millicores
    memory_request_bytes: Bytes
    cpu_limit_millicores: Millicores
    memory_limit_bytes: Bytes


class ValueWarning(Speaking):
    """A value that a person set, and what comes of it."""

    kind: DangerKind
    field: str = Field(description="As an edit names it: `replicas`, `containers.app.memory_limit`.")
    kills: bool = Field(description="Pods end by it.")
    message: str
    message_said: SaidAnswer


class ManualAnswer(BaseModel):
    version: int
    mode: Mode | None
    replicas: int | None
    containers: dict[str, ManualResources]
    note: str
    edited_by: str
    edited_at: datetime | None


class EditAnswer(ManualAnswer):
    """The manual values after an edit, and what they would do."""

    warnings: list[ValueWarning]


class AddedWorkload(ManualAnswer):
    """The manual values of a workload that was put into the control table."""

    cluster: str
    namespace: str
    deployment: str


class BulkResult(BaseModel):
    namespace: str
    deployment: str
    manual: EditAnswer | None = None
    error: ErrorBody | None = None
