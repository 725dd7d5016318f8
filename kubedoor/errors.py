"""Every error KubeDoor raises, each with its HTTP status and a machine-readable code.

    KubeDoorError                      500 internal
    ├── SettingsError                  500 settings         all invalid variables at once
    ├── BadRequest                     400 bad_request      the request cannot be parsed
    ├── Unauthorized                   401 unauthorized
    ├── Forbidden                      403 forbidden
    ├── NotFound                       404 not_found
    ├── Conflict                       409 conflict         a concurrent change won
    ├── TooLarge                       413 too_large        the body is too large
    ├── InvalidInput                   422 invalid_input    parsed, but a field is invalid
    ├── QuantityError                  422 invalid_quantity
    ├── TooManyRequests                429 too_many_requests   retry after `retry_after_seconds`
    ├── StoreError                     503 store            ClickHouse is unreachable or rejects the statement
    │   ├── SchemaMissing              503 store            it answers, but nobody has created the tables yet
    │   └── UnstorableRow              503 store            the same rows will be refused again
    ├── ClusterError                   503 cluster          the API server is unreachable or rejects the request
    │   └── NoClusterAccess            409 no_cluster_access   this cluster is collected and displayed only
    ├── IdentityError                  502 identity_provider   OpenID Connect: unreachable, or an invalid response
    └── PrometheusError                502 prometheus
        ├── PrometheusUnreachable      502 prometheus_unreachable
        ├── PrometheusRefused          502 prometheus_refused      401, 403, 407: invalid credentials
        ├── PrometheusNotUnderstood    502 prometheus_not_understood   HTML, broken JSON, another status
        ├── UsageNotMapped             502 usage_not_mapped   usage that belongs to no Deployment: labels are lost
        └── QueryTooLarge              502 query_too_large         413, 422, or a text that says so: split the query

Adapters translate the exceptions of their clients into these with `raise … from error`. A message tells the user what
to do and never contains a DSN, a token or a password. It is a `Sentence` wherever the web UI shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubedoor.sentences import as_sentence, sentence, with_said


class KubeDoorError(Exception):
    """Base class. `details` is JSON-ready and part of the API response."""

    status = 500
    code = "internal"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = as_sentence(message)
        self.details: Mapping[str, Any] = details

    def as_json(self) -> dict[str, Any]:
        """The JSON body of every error response of the API."""
        return {"error": with_said({"code": self.code, "message": self.message, "details": dict(self.details)})}


class SettingsError(KubeDoorError):
    """Invalid settings. `details["problems"]` has one sentence per variable."""

    code = "settings"

    def as_json(self) -> dict[str, Any]:
        """Without the problems, for whoever asks may be a stranger: the log has them, and the command line prints them."""
        public = KubeDoorError(sentence("requests.settings_wrong"))
        public.code = self.code
        return public.as_json()


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
    """`field` is the name of the invalid field in the request, e.g. `containers.app.cpu_request`."""

    status = 422
    code = "invalid_input"

    def __init__(self, message: str, *, field: str, **details: Any) -> None:
        super().__init__(message, field=field, **details)


class QuantityError(KubeDoorError):
    status = 422
    code = "invalid_quantity"


class TooManyRequests(KubeDoorError):
    """`retry_after_seconds` is also sent as the Retry-After header."""

    status = 429
    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)


class StoreError(KubeDoorError):
    status = 503
    code = "store"


class SchemaMissing(StoreError):
    """The store answers, and has no tables: nobody has used this KubeDoor yet."""


class UnstorableRow(StoreError):
    """A value does not fit into its column: the same rows will be refused again."""


class ClusterError(KubeDoorError):
    status = 503
    code = "cluster"


class NoClusterConfigured(ClusterError):
    """The settings name no cluster, as with sample data: there is no API server to ask."""


class NoClusterAccess(ClusterError):
    """No access to the API server of this cluster is configured, so nothing can be read or changed there."""

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


class UsageNotMapped(PrometheusError):
    code = "usage_not_mapped"


class QueryTooLarge(PrometheusError):
    code = "query_too_large"
