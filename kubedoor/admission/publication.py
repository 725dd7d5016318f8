"""What is told to the cluster after a change of control values: the snapshot for doors, the parameters for policies."""

from __future__ import annotations

from dataclasses import dataclass

from kubedoor.admission.native.writer import ParameterWriter
from kubedoor.admission.snapshot.publisher import Publisher


@dataclass(frozen=True)
class Publication:
    """`parameters` None: no policies are wanted."""

    snapshots: Publisher
    parameters: ParameterWriter | None = None

    def publish_or_warn(self) -> None:
        """After a change that is stored already. Failures are only logged: the next change publishes again."""
        # First what is enforced from now on; the snapshot is for doors that start while the store is away.
        if self.parameters is not None:
            self.parameters.write_or_warn(may_lose=True)
        self.snapshots.publish_or_warn()

    def keep_parameters(self) -> None:
        """Put back what somebody has changed or deleted. Most values are never taken away so: see `ParameterWriter.write`."""
        if self.parameters is not None:
            self.parameters.write_or_warn(may_lose=False)
