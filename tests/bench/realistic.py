"""Reviews as large as real ones: two containers with environment and probes, managed fields, and what was asked."""

from __future__ import annotations

import copy
from typing import Any

from kubedoor.asked import ANNOTATION
from tests.support.builders import make_container, make_deployment, make_request, make_review

SMALL, LARGE = 6, 190
"""Variables of each container that make a review of 5 KB, and one of 50 KB."""
PROBE = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10}
ASKED = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "2Gi"}}
RUNS = {"requests": {"cpu": "120m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "2Gi"}}
ENTRY = "requests.cpu=500m,requests.memory=1Gi,limits.cpu=1,limits.memory=2Gi"


def deployment(namespace: str, name: str, *, image: str, resources: dict[str, Any], variables: int) -> dict[str, Any]:
    """`variables` of each container make its size: 6 for a Deployment of 2.5 KB, 190 for one of 25 KB."""
    env = [{"name": f"SETTING_{number:03d}", "value": "a value of usual length"} for number in range(variables)]
    containers = [
        make_container(
            one,
            image=image,
            resources=copy.deepcopy(resources),
            env=env,
            livenessProbe=PROBE,
            readinessProbe=PROBE,
            imagePullPolicy="IfNotPresent",
        )
        for one in ("app", "proxy")
    ]
    manifest = make_deployment(name, namespace=namespace, replicas=3, containers=containers)
    manifest["metadata"] |= {
        "annotations": {ANNOTATION: f"app:{ENTRY};proxy:{ENTRY}"},
        "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {"f:template": {}}}}],
    }
    return manifest


def release(namespace: str, name: str, *, variables: int, dry_run: bool) -> dict[str, Any]:
    """The review of a new image, sent with the owner's own numbers."""
    new = deployment(namespace, name, image="registry.test/app:2", resources=ASKED, variables=variables)
    old = deployment(namespace, name, image="registry.test/app:1", resources=RUNS, variables=variables)
    return make_review(make_request(new, old, dry_run=dry_run))
