"""Every error KubeDoor raises, each with its HTTP status and a machine-readable code.

    KubeDoorError                      500 internal
    ├── SettingsError                  500 settings         all problems of the environment at once
    ├── BadRequest                     400 bad_request      the request cannot be read at all
    ├── Unauthorized                   401 unauthorized
    ├── Forbidden                      403 forbidden
    ├── NotFound                       404 not_found
    ├── Conflict                       409 conflict         somebody else was first
    ├── TooLarge                       413 too_large        the body
    ├── InvalidInput                   422 invalid_input    readable, but a field is wrong
    ├── QuantityError                  422 invalid_quantity
    ├── TooManyRequests                429 too_many_requests   `retry_after_seconds` says when to come back
    ├── StoreError                     503 store            ClickHouse is away or refuses
    ├── ClusterError                   503 cluster          the API server is away or refuses
    │   └── NoClusterAccess            409 no_cluster_access   this cluster is only collected and shown
    ├── IdentityError                  502 identity_provider   OpenID Connect: away, or it answers what it must not
    └── PrometheusError                502 prometheus
        ├── PrometheusUnreachable      502 prometheus_unreachable
        ├── PrometheusRefused          502 prometheus_refused      401, 403: the credentials
        ├── PrometheusNotUnderstood    502 prometheus_not_understood   HTML, broken JSON, another status
        └── QueryTooLarge              502 query_too_large         422, 503 timeout: ask for less

Adapters translate their client's exceptions into these with `raise … from error`. A message is written for the person
who has to act and never holds a DSN, a token or a password.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class KubeDoorError(Exception):
    """The root. `details` is JSON-ready and is shown to the client."""

    status = 500
    code = "internal"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, Any] = details

    def as_json(self) -> dict[str, Any]:
        """The one JSON shape of every error of the API."""
        return {"error": {"code": self.code, "message": self.message, "details": dict(self.details)}}


class SettingsError(KubeDoorError):
    """Wrong settings. `details["problems"]` has one sentence per variable."""

    code = "settings"


class BadRequest(KubeDoorError):
    status = 400
    code = "bad_request"


class Unauthorized(KubeDoorError):
    status = 401
    code = "unauthorized"


class Forbidden(KubeDoorError):
    status = 403
    code = "forbidden"


class NotFound(KubeDoorError):
    status = 404
    code = "not_found"


class Conflict(KubeDoorError):
    status = 409
    code = "conflict"


class TooLarge(KubeDoorError):
    status = 413
    code = "too_large"


class InvalidInput(KubeDoorError):
    """A field is wrong; `field` names it as the client wrote it, e.g. `containers.app.cpu_request`."""

    status = 422
    code = "invalid_input"

    def __init__(self, message: str, *, field: str, **details: Any) -> None:
        super().__init__(message, field=field, **details)


class QuantityError(KubeDoorError):
    status = 422
    code = "invalid_quantity"


class TooManyRequests(KubeDoorError):
    """Come back later: `retry_after_seconds` is also the answer's Retry-After header."""

    status = 429
    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)


class StoreError(KubeDoorError):
    status = 503
    code = "store"


class ClusterError(KubeDoorError):
    status = 503
    code = "cluster"


class NoClusterAccess(ClusterError):
    """KubeDoor was given no way to this cluster's API server: nothing can be read or done there."""

    status = 409
    code = "no_cluster_access"


class IdentityError(KubeDoorError):
    status = 502
    code = "identity_provider"


class PrometheusError(KubeDoorError):
    status = 502
    code = "prometheus"


class PrometheusUnreachable(PrometheusError):
    code = "prometheus_unreachable"


class PrometheusRefused(PrometheusError):
    code = "prometheus_refused"


class PrometheusNotUnderstood(PrometheusError):
    code = "prometheus_not_understood"


class QueryTooLarge(PrometheusError):
    code = "query_too_large"
