"""A fake API server that keeps what is applied, for those who may not do everything there."""

from __future__ import annotations

import re
from typing import Any

from kubedoor.errors import Forbidden, NotFound
from kubedoor.kube.client import Cluster

_REGISTRATION = "/apis/admissionregistration.k8s.io/v1"
_VALUES = "/apis/kubedoor.io/v1"
POLICIES = "mutatingadmissionpolic"
ALL_OF_POLICIES = f"{POLICIES}|controlvalues"


class Objects(Cluster):
    """A fake API server that serves policies. `forbidden`: of methods and paths; as a real one, before it says Not Found."""

    def __init__(self, *, knows_values: bool = True) -> None:
        super().__init__()
        self.knows_values = knows_values
        self.forbidden = "$^"
        self.stored: dict[str, Any] = {"/api/v1/namespaces/kubedoor/services/kubedoor-mutate": {}}

    def request(self, method: str, path: str, *, body: Any = None, **_options: Any) -> Any:
        if path == _REGISTRATION:
            return {"resources": [{"name": "mutatingadmissionpolicies"}]}
        if path == _VALUES and self.knows_values:
            return {"resources": [{"name": "controlvalues"}]}
        if re.search(self.forbidden, f"{method} {path}"):
            raise Forbidden("not allowed")
        if path.startswith(_VALUES) and self.knows_values:
            return {}
        if method == "PATCH":
            self.stored[path] = body
        if path not in self.stored:
            raise NotFound(path)
        return self.stored.pop(path) if method == "DELETE" else self.stored[path]

    @property
    def policies(self) -> list[str]:
        return [path for path in self.stored if "policies" in path or "policybindings" in path]
