"""Generates requests from the OpenAPI document, and sends them as clients with different roles.

Operations, parameters and security are read from the document. Only `STOCK` lists routes: its bodies create resources
for operations with an id in their path.
"""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, Config, GenerationMode, Response
from schemathesis.core.result import Err

from scripts.documents import openapi
from tests.toolbox.running import RunningKubeDoor

Operation = APIOperation[Any, Any, Any, Any]
Call = Case[Any]
V1 = "/api/v1"
REQUEST_TIMEOUT_SECONDS = 60
"""Also the limit for streams: one that does not end fails the test."""
FIRST = "the first password"
_DISABLED = {"enabled": False}
CONFIG = Config.from_dict(
    {
        # Callers add their own credentials.
        "generation": {"with-security-parameters": False},
        # Unsupported methods have a separate test.
        "phases": {"coverage": {"unexpected-methods": []}},
        "checks": {
            # The test itself checks 502 and 503: no cluster, Prometheus or channel is there.
            "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "502", "503"]},
            # The test checks these itself: with the role table, and with 404 apart from invalid data.
            "ignored_auth": _DISABLED,
            "positive_data_acceptance": _DISABLED,
        },
    }
)
STOCK: Mapping[str, Mapping[str, Any]] = {
    "/schedules": {
        "name": "nightly",
        "kind": "restart",
        "cron": "0 3 * * *",
        "workloads": [{"namespace": "shop", "deployment": "web"}],
    },
    # Nothing listens on the discard port 9, so every message fails.
    "/notifications/channels": {"name": "told", "url": "json://hooks.test:9/", "events": ["clamped"]},
    "/users": {"username": "spare", "password": FIRST, "role": "viewer"},
    "/tokens": {"name": "spare", "role": "viewer", "expires_in_days": 1},
}
_numbers = itertools.count(1)
schemathesis.openapi.format("kubernetes-quantity", st.sampled_from(["1", "250m", "1.5", "64Mi", "2Gi", "1e3", "x"]))


@schemathesis.deserializer(
    "text/yaml", "text/x-yaml", "text/vnd.yaml", "application/yaml", "application/x-yaml", "text/csv"
)
def _as_text(_context: object, response: Response) -> str:
    """YAML streams and CSV are strings in the OpenAPI document."""
    return response.text


@schemathesis.deserializer("application/x-ndjson")
def _last_line(_context: object, response: Response) -> Any:
    return json.loads(response.text.splitlines()[-1])


def operations() -> dict[str, Operation]:
    """By operation id, in the order of the document."""
    schema = schemathesis.openapi.from_dict(openapi(), config=CONFIG)
    found: dict[str, Operation] = {}
    for result in schema.get_all_operations():
        if isinstance(result, Err):
            raise result.err()
        operation = result.ok()
        found[operation.definition.raw["operationId"]] = operation
    return found


def is_session_only(operation: Operation) -> bool:
    """Whether the operation refuses API tokens."""
    return bool(operation.definition.raw["security"] == [{"session": []}])


def modes(operation: Operation) -> list[GenerationMode]:
    """Also invalid requests, unless only the path could be invalid: the boundary cases test that."""
    beyond_path = operation.body or any(True for part in (operation.query, operation.headers) for _ in part)
    return list(GenerationMode) if beyond_path else [GenerationMode.POSITIVE]


@dataclass
class Caller:
    """A client whose requests each have another address, so that log-ins are not throttled by address."""

    url: str
    role: str
    headers: Mapping[str, str] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    """The valid values of `username`, `password` and `old_password` in request bodies."""
    session: requests.Session = field(default_factory=requests.Session)

    def send(self, case: Call, **headers: str) -> Response:
        sent = {**self.headers, **headers, "X-Forwarded-For": f"2001:db8:0:{next(_numbers) % 2**16:x}::1"}
        return case.call(
            self.url, session=self.session, headers=sent, timeout=REQUEST_TIMEOUT_SECONDS, allow_redirects=False
        )

    def log_in(self) -> None:
        body = {name: self.own[name] for name in ("username", "password")}
        self.session.post(f"{self.url}{V1}/session", json=body, timeout=REQUEST_TIMEOUT_SECONDS).raise_for_status()


class ApiUnderTest:
    """A running KubeDoor with a session of its admin on loopback; creates callers with other roles."""

    def __init__(self, running: RunningKubeDoor, cluster: str) -> None:
        self.running = running
        self.cluster = cluster
        self._admin = requests.Session()
        self.call("POST", "/session", {"username": "kubedoor", "password": "kubedoor"})

    def close(self) -> None:
        self._admin.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._admin.request(
            method, f"{self.running.url}{V1}{path}", json=body, timeout=REQUEST_TIMEOUT_SECONDS
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def with_token(self, role: str) -> Caller:
        """A caller with a new token, under a random name that generated requests do not revoke."""
        body = {"name": f"keep-{secrets.token_hex(8)}", "role": role, "expires_in_days": 1}
        token = self.call("POST", "/tokens", body)["token"]
        return Caller(self.running.url, role, {"Authorization": f"Bearer {token}"})

    def logged_in(self, role: str) -> Caller:
        """A caller with a session of a new user, whose first password is changed."""
        name = f"keep-{secrets.token_hex(8)}"
        self.call("POST", "/users", {"username": name, "password": FIRST, "role": role})
        caller = Caller(self.running.url, role, own={"username": name, "password": FIRST})
        caller.log_in()
        change = {"old_password": FIRST, "new_password": f"{name} knows"}
        url = f"{self.running.url}{V1}/session/password"
        caller.session.put(url, json=change, timeout=REQUEST_TIMEOUT_SECONDS).raise_for_status()
        caller.own["password"] = change["new_password"]
        return caller

    def resources(self, operation: Operation) -> list[dict[str, str]]:
        """Path parameters of existing resources, from the list operation of the same collection."""
        before, brace, _ = operation.path.removeprefix(V1).partition("/{")
        if not brace:
            return []
        found = self._listed(before, operation)
        if not found and before in STOCK:
            self.call("POST", before, STOCK[before])
            found = self._listed(before, operation)
        return found

    def _listed(self, path: str, operation: Operation) -> list[dict[str, str]]:
        names = [one.name for one in operation.path_parameters]
        answer = self.call("GET", path)
        entries = answer["items"] if isinstance(answer, dict) else answer
        resources = [{name: str({"cluster": self.cluster, **entry}[name]) for name in names} for entry in entries]
        own = ("keep-", "kubedoor")
        return [resource for resource in resources if not any(value.startswith(own) for value in resource.values())]


@cache
def _cases(operation: Operation, mode: GenerationMode) -> st.SearchStrategy[Call]:
    return operation.as_strategy(mode)


def cases(operation: Operation, mode: GenerationMode, resources: list[dict[str, str]]) -> st.SearchStrategy[Call]:
    """Valid requests, most of them for existing resources; or with NEGATIVE invalid ones."""
    if mode is GenerationMode.NEGATIVE:
        return _cases(operation, mode).filter(is_routed)
    is_of_cluster = any(one.name == "cluster" for one in operation.query)

    def placed(case: Call, resource: dict[str, str], at_home: bool) -> Call:
        if resource:
            case.path_parameters = dict(resource)
        if at_home and is_of_cluster:
            case.query = {**(case.query or {}), "cluster": ""}
        return case

    places = st.sampled_from([*resources[:5], {}])
    at_home = st.sampled_from([True, True, False])
    return st.builds(placed, _cases(operation, mode), places, at_home).filter(is_routed)


def is_routed(case: Call) -> bool:
    """False for a path with a line break: functions-framework itself answers it with 404 in plain text."""
    return "\n" not in unquote(case.formatted_path)


def boundary_cases(operation: Operation, limit: int) -> list[Call]:
    """Requests with one parameter at or beyond its limit, missing or duplicated; a fixed sample of at most `limit`."""
    generation = operation.schema.config.generation_for(operation=operation, phase="coverage")
    found = operation.schema.iter_coverage_cases(
        operation, generation_modes=list(GenerationMode), generation_config=generation
    )
    routed = [case for case in itertools.islice(found, 10 * limit) if is_routed(case)]
    return routed[:: max(1, len(routed) // limit)]


def each(strategy: st.SearchStrategy[Call], check: Callable[[Call], None], *, count: int) -> None:
    """Runs `check` on `count` cases, the same in every run. A failure is not shrunk: it contains a curl command."""
    run = settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )(given(strategy)(lambda case: check(case)))
    run()
