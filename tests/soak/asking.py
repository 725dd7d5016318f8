"""Sends reviews over TLS as the API server does, at a steady rate, and judges each answer."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import ssl
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonpatch

from kubedoor.model.values import WorkloadKey
from tests.soak.expected import Expect, InForce, Json, Sizing

CONNECTIONS = 8
REQUESTS_OF_A_CONNECTION = 100
"""Then the client opens a new one, so that handshakes go on all the time."""
MAX_AGE_SECONDS = 1.0
"""KUBEDOOR_SNAPSHOT_MAX_AGE_SECONDS: values may be this old although the store answers."""
UID = "00000000"
KEPT_PROBLEMS = 20
_AGE = re.compile(r"the store is (?:slow|away), decided from values (\d+) s old")
_UNKNOWN = re.compile(r"is not in the control table|the store is (?:slow|away), (?:nothing was set|decided from)")


@dataclass(frozen=True, eq=False)
class Template:
    """One request, which is sent again and again. `key` None: of a workload that is not in the control table."""

    kind: str
    key: WorkloadKey | None
    review: Json
    expect: Expect
    is_recorded: bool

    @property
    def sent(self) -> Json:
        found: Json = self.review["request"]["object"]
        return found


@dataclass
class Outcome:
    """What became of all requests. `recorded`: answers of which there must be a row. `old_values`: those that said so."""

    answered: int = 0
    wrong: int = 0
    unanswered: int = 0
    recorded: int = 0
    old_values: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def note(self, problem: str) -> None:
        if len(self.problems) < KEPT_PROBLEMS:
            self.problems.append(problem)


@lru_cache(maxsize=5000)
def _stored(template: Template, patch: str) -> str:
    operations = json.loads(base64.b64decode(patch)) if patch else []
    return _text(jsonpatch.apply_patch(template.sent, operations))


@lru_cache(maxsize=5000)
def _expected(template: Template, sizing: Sizing | None) -> str:
    # A workload that is not in the control table has none, and needs none.
    return _text(template.expect(template.sent, sizing or Sizing(0, 0, 0)))


def _text(manifest: Any) -> str:
    return json.dumps(manifest, sort_keys=True)


def problem_of(template: Template, response: Json, in_force: InForce, *, sent: float, answered: float) -> str:
    """What is wrong with an answer; empty if nothing is."""
    warnings = response.get("warnings", [])
    if response.get("allowed") is not True:
        return f"{template.kind} was denied: {response}"
    stored = _stored(template, response.get("patch", ""))
    if template.key is None:
        is_said = bool(warnings) and all(_UNKNOWN.search(one) for one in warnings)
        is_right = is_said and stored == _expected(template, None)
        return "" if is_right else f"{template.kind} of an unknown workload: {warnings}"
    ages = [float(found[1]) for one in warnings if (found := _AGE.search(one))]
    # Whole seconds are said.
    oldest = sent - max([MAX_AGE_SECONDS, *(age + 0.5 for age in ages)])
    candidates = in_force.between(template.key, oldest, answered)
    if any(stored == _expected(template, sizing) for sizing in candidates):
        return ""
    return f"{template.kind} of {template.key.deployment}: {warnings} but in force were {candidates}"


class Asker:
    """The requests of `templates` in turn, over several connections."""

    def __init__(
        self,
        port: int,
        ca: Path,
        templates: Sequence[Template],
        in_force: InForce,
        *,
        letter: str,
        patience_seconds: float,
    ) -> None:
        """`letter`: the first of each uid. `patience_seconds`: who waits longer has got no answer."""
        self._letter = letter
        self._port = port
        self._context = ssl.create_default_context(cafile=str(ca))
        self._templates = templates
        self._bodies = [json.dumps(one.review).encode() for one in templates]
        self._in_force = in_force
        self._patience_seconds = patience_seconds
        self._next = 0
        self._is_over = False
        self.outcome = Outcome()

    def stop(self) -> None:
        """From any thread; `run` ends with the next answers."""
        self._is_over = True

    async def run(self, *, per_second: float) -> None:
        """Until `stop`. At 0 per second each connection asks as soon as it has its answer."""
        pause = CONNECTIONS / per_second if per_second else 0.0
        await asyncio.gather(*(self._connection(pause * number / CONNECTIONS, pause) for number in range(CONNECTIONS)))

    async def _connection(self, first: float, pause: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + first
        while not self._is_over:
            streams = await self._connect()
            if streams is None:
                continue
            for _ in range(REQUESTS_OF_A_CONNECTION):
                if self._is_over:
                    break
                await asyncio.sleep(max(0.0, due - loop.time()))
                # Who comes late does not catch up: a slow machine is not to be overrun.
                due = max(due + pause, loop.time())
                if not await self._ask(*streams):
                    break
            streams[1].close()
            with suppress(OSError, ssl.SSLError):
                await streams[1].wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        try:
            opening = asyncio.open_connection("localhost", self._port, ssl=self._context)
            return await asyncio.wait_for(opening, self._patience_seconds)
        except (OSError, TimeoutError) as error:
            self.outcome.unanswered += 1
            self.outcome.note(f"no connection: {error!r}")
            await asyncio.sleep(0.2)
            return None

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether there was an answer, right or wrong."""
        number, self._next = self._next, self._next + 1
        template = self._templates[number % len(self._templates)]
        uid = f"{self._letter}{number:07d}"
        body = self._bodies[number % len(self._templates)].replace(UID.encode(), uid.encode(), 1)
        sent = time.monotonic()
        try:
            status, answer = await asyncio.wait_for(_exchanged(reader, writer, body), self._patience_seconds)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.outcome.unanswered += 1
            self.outcome.note(f"{template.kind} was not answered within {time.monotonic() - sent:.1f} s: {error!r}")
            return False
        self._judge(template, uid, status, answer, sent)
        return True

    def _judge(self, template: Template, uid: str, status: int, answer: bytes, sent: float) -> None:
        answered, outcome = time.monotonic(), self.outcome
        outcome.answered += 1
        outcome.kinds[template.kind] += 1
        outcome.seconds.append(answered - sent)
        outcome.recorded += template.is_recorded
        response = json.loads(answer)["response"] if status == 200 else {}
        outcome.old_values += any(_AGE.search(one) for one in response.get("warnings", []))
        problem = problem_of(template, response, self._in_force, sent=sent, answered=answered)
        if response.get("uid") != uid:
            problem = f"status {status}, uid {response.get('uid')} instead of {uid}"
        if problem:
            outcome.wrong += 1
            outcome.note(problem)


async def _exchanged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> tuple[int, bytes]:
    head = (
        "POST /mutate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    (length,) = (int(line.partition(":")[2]) for line in lines if line.startswith("content-length:"))
    return int(lines[0].split()[1]), await reader.readexactly(length)
