"""Tests the running API against its OpenAPI document: valid and invalid requests to every operation, by every role.

KubeDoor runs on sample data without a cluster. Operations that need one may answer 503 `cluster`, and the test of a
channel 502 `not_delivered`, if the document has them; every other status from 500 on is a defect.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
from schemathesis import Response
from schemathesis.core import NOT_SET

from functions.api.schemas.base import ErrorAnswer
from functions.api.security.role_table import ANYBODY, OWN_TOKEN, required_role_of
from kubedoor.roles import Role, includes
from scripts.documents import openapi
from tests.support.openapi import (
    REQUEST_TIMEOUT_SECONDS,
    ApiUnderTest,
    Call,
    Caller,
    boundary_cases,
    cases,
    each,
    is_session_only,
    modes,
    operations,
)
from tests.support.past_records import write_past_records
from tests.toolbox import processes
from tests.toolbox.running import RunningKubeDoor

ROOT = Path(__file__).parents[3]
CLUSTER = "documented"
OPERATIONS = operations()
PATHS: dict[str, dict[str, object]] = openapi()["paths"]
FOR_ADMIN, FOR_OTHERS, BOUNDARIES = 5, 2, 16
"""Numbers of requests per operation and mode."""
NOBODY = "nobody"
FALSE_LOGINS: tuple[dict[str, str], ...] = (
    {},
    {"Authorization": "Bearer kubedoor_no"},
    {"Cookie": "kubedoor_session=no"},
    {"Authorization": "Basic Og=="},
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiUnderTest]:
    folder = tmp_path_factory.mktemp("documented")
    write_past_records(folder / "data", CLUSTER)
    running = start(folder)
    try:
        with closing(ApiUnderTest(running, CLUSTER)) as client:
            run = client.call("POST", "/collect", {"days": 2})["collection"]
            processes.wait_until(
                lambda: client.call("GET", f"/collect/runs/{run}")["state"] == "finished",
                what="the collection is over",
                children=[running.child],
                timeout_seconds=120,
            )
            yield client
    finally:
        running.child.stop()


def start(folder: Path) -> RunningKubeDoor:
    port, door_port = processes.free_port(), processes.free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KUBEDOOR_")} | {
        "KUBEDOOR_CLUSTER": CLUSTER,
        "KUBEDOOR_KUBECONFIG": "none",
        "KUBEDOOR_DATA_DIR": str(folder / "data"),
        "KUBEDOOR_PORT": str(port),
        "KUBEDOOR_DOOR_PORT": str(door_port),
        "KUBEDOOR_TRUSTED_PROXIES": "127.0.0.1",
        "KUBEDOOR_CLOCK_SECONDS": "0",
    }
    command = [sys.executable, "-m", "kubedoor", "serve"]
    child = processes.start("kubedoor", command, log=folder / "kubedoor.log", environment=environment, folder=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        processes.wait_until(
            lambda: processes.answers(f"{url}/readyz"), what="KubeDoor is ready", children=[child], timeout_seconds=60
        )
    except BaseException:
        child.kill()
        raise
    return RunningKubeDoor(child, url, port, door_port, folder / "data")


@pytest.fixture(scope="module")
def callers(api: ApiUnderTest) -> dict[str, Caller]:
    """One caller per role, with a token, and one without credentials."""
    return {role: api.with_token(role) for role in Role} | {NOBODY: Caller(api.running.url, NOBODY)}


def caller_for(api: ApiUnderTest, callers: dict[str, Caller], name: str, who: str) -> Caller:
    return api.logged_in(who) if is_session_only(OPERATIONS[name]) and who != NOBODY else callers[who]


def test_the_running_api_serves_the_document_of_the_code(api: ApiUnderTest) -> None:
    assert api.call("GET", "/openapi.json") == openapi()


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_api_keeps_to_its_document(api: ApiUnderTest, callers: dict[str, Caller], name: str) -> None:
    operation, caller = OPERATIONS[name], caller_for(api, callers, name, Role.ADMIN)

    def check(case: Call) -> None:
        hold_to_document(case, send(caller, name, case))

    resources = api.resources(operation)
    for mode in modes(operation):
        each(cases(operation, mode, resources), check, count=FOR_ADMIN)
    for case in boundary_cases(operation, BOUNDARIES):
        check(case)


@pytest.mark.parametrize("who", [NOBODY, Role.VIEWER, Role.OPERATOR])
@pytest.mark.parametrize("name", OPERATIONS)
def test_who_is_let_in_is_what_the_role_table_says(
    api: ApiUnderTest, callers: dict[str, Caller], name: str, who: str
) -> None:
    operation, caller = OPERATIONS[name], caller_for(api, callers, name, who)
    false_logins = itertools.cycle(FALSE_LOGINS if who == NOBODY else [{}])

    def check(case: Call) -> None:
        response = send(caller, name, case, **next(false_logins))
        refused = refusal(name, who)
        if refused is None:
            hold_to_document(case, response)
            return
        status, code, details = refused
        case.validate_response(response)
        error = ErrorAnswer.model_validate(response.json()).error
        if error.code == "bad_request" and case.body is not NOT_SET:
            # Invalid JSON is refused before authentication.
            return
        if name in OWN_TOKEN and response.status_code in (404, 422):
            # The route itself checks its token, after the validation of the request.
            return
        assert (response.status_code, error.code, error.details) == (status, code, details)

    resources = api.resources(operation)
    for mode in modes(operation):
        each(cases(operation, mode, resources), check, count=FOR_OTHERS)


def refusal(name: str, who: str) -> tuple[int, str, dict[str, str]] | None:
    """Status, code and details of the refusal by the role table; None: not refused."""
    needed = required_role_of(name)
    if name in OWN_TOKEN:
        return 401, "unauthorized", {}
    if needed is ANYBODY:
        return None
    if who == NOBODY:
        return 401, "unauthorized", {}
    return None if includes(who, needed) else (403, "forbidden", {"role": needed})


@pytest.mark.parametrize("path", PATHS)
def test_a_path_says_which_methods_it_has(api: ApiUnderTest, path: str) -> None:
    address = re.sub(r"\{\w+\}", "any", path)
    alike = [other for other in PATHS if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", other), address)]
    served = sorted({method.upper() for other in alike for method in PATHS[other]})
    for method in sorted({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - set(served)):
        answer = requests.request(method, api.running.url + address, timeout=REQUEST_TIMEOUT_SECONDS)
        assert (answer.status_code, answer.headers["Allow"]) == (405, ", ".join(served)), method
        assert ErrorAnswer.model_validate_json(answer.content).error.code == "method_not_allowed"


def test_nothing_has_gone_wrong_meanwhile(api: ApiUnderTest) -> None:
    log = api.running.child.log.read_text(encoding="utf-8")
    assert api.running.child.is_running
    assert "Traceback" not in log
    assert '"severity": "ERROR"' not in log


def send(caller: Caller, name: str, case: Call, **headers: str) -> Response:
    """Sends the case with the valid old password, and logs in again if the request ended the caller's session."""
    if caller.own and is_positive(case) and isinstance(case.body, dict) and "old_password" in case.body:
        case.body["old_password"] = caller.own["password"]
    response = caller.send(case, **headers)
    if caller.own and is_session_only(OPERATIONS[name]) and response.status_code in (200, 204):
        if isinstance(case.body, dict) and "new_password" in case.body:
            caller.own["password"] = str(case.body["new_password"])
        caller.log_in()
    return response


def hold_to_document(case: Call, response: Response) -> None:
    """Checks the response against the document: status, headers and body; a valid request passes validation."""
    case.validate_response(response)
    if response.status_code < 400:
        return
    error = ErrorAnswer.model_validate(response.json()).error
    if response.status_code >= 500:
        assert (response.status_code, error.code) in ((503, "cluster"), (502, "not_delivered")), error
    if is_positive(case):
        # Rules beyond the schema may refuse it; the schema validation must not.
        assert "problems" not in error.details, f"not in the document: {error.message}"


def is_positive(case: Call) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive
