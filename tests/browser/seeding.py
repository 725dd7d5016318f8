"""`python -m tests.browser.seeding FOLDER …`: fills an embedded store before KubeDoor is started on it.

A process of its own: the embedded engine allows one store per process, and KubeDoor's must be free when it starts.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from argon2 import PasswordHasher

from kubedoor.config import settings
from kubedoor.model.usage import QUANTILES, DayUsage, UsageDay
from kubedoor.model.values import Resources
from kubedoor.sizing.options import SizingOptions
from kubedoor.sizing.rules import collected_values
from kubedoor.store import opening
from kubedoor.store.admissions import AdmissionRecord
from kubedoor.store.connection import Connection
from kubedoor.store.control import ControlStore
from kubedoor.store.records import RecordStore
from kubedoor.store.usage import UsageStore
from kubedoor.store.users import User, UserStore

ROOT = Path(__file__).parents[2]
CLUSTER = "default"
VIEWER, OPERATOR = "viewer", "operator"
PASSWORD = "only for looking"
WARNING = "KubeDoor: cart cpu request 2 -> 640m (collected), only observed"
MARKUP = '<img src=x onerror="window.hacked=1"><b>bold</b>'
SEED = 20261124
MEBIBYTE = 2**20
NAMESPACES = 40
DAYS = 3


def seed(folder: Path, *, workloads: int = 0, viewer: bool = False, markup: bool = False, admissions: int = 0) -> None:
    """Run this module on the data folder that a KubeDoor will be started with."""
    words = ["--workloads", str(workloads), *(["--viewer"] if viewer else []), *(["--markup"] if markup else [])]
    words += ["--admissions", str(admissions)]
    command = [sys.executable, "-m", "tests.browser.seeding", str(folder), *words]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.seeding", description=__doc__)
    parser.add_argument("folder", type=Path, help="KUBEDOOR_DATA_DIR")
    parser.add_argument("--workloads", type=int, default=0, help="how many, with some days of usage")
    parser.add_argument("--viewer", action="store_true", help="users who may less: an operator and a viewer")
    parser.add_argument("--markup", action="store_true", help="an admission whose texts are markup")
    parser.add_argument("--admissions", type=int, default=0, help="how many, an hour apart, half of them a restart")
    arguments = parser.parse_args()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KUBEDOOR_")}
    config = settings.load(environment | {"KUBEDOOR_DATA_DIR": str(arguments.folder), "KUBEDOOR_KUBECONFIG": "none"})
    connection = opening.open_migrated_store(config)
    try:
        if arguments.workloads:
            add_workloads(connection, arguments.workloads)
        if arguments.viewer:
            add_users(connection)
        if arguments.markup:
            add_markup(connection)
        if arguments.admissions:
            add_admissions(connection, arguments.admissions)
    finally:
        opening.close_all()
    return 0


def add_workloads(connection: Connection, count: int) -> None:
    """`count` Deployments with usage of the last days, sized as a collection would."""
    chance = random.Random(SEED)
    today = datetime.now(UTC).date()
    usage, control = UsageStore(connection, CLUSTER), ControlStore(connection, CLUSTER)
    fleet = [_deployment(chance, number) for number in range(count)]
    rows: list[UsageDay] = []
    for back in range(DAYS, 0, -1):
        day = today - timedelta(days=back)
        of_day = [_usage(chance, day, *deployment) for deployment in fleet]
        rows += of_day
        usage.replace_day(day, DayUsage(tuple(of_day), coverage=1.0), run=DAYS - back + 1, windows="seeded", seconds=0)
    values = collected_values(rows, rule="peak-day", options=SizingOptions(), whole_cluster=False)
    control.replace_collected(values, run=1, rule="peak-day")


def _deployment(chance: random.Random, number: int) -> tuple[str, str, int, int, int]:
    """Namespace, name, pods, CPU and memory requested."""
    name = f"{chance.choice(('api', 'worker', 'web', 'queue', 'cache'))}-{number:05}"
    return (
        f"team-{number % NAMESPACES:02}",
        name,
        chance.randint(1, 20),
        chance.choice((250, 500, 1000, 2000)),
        chance.choice((256, 512, 1024, 4096)) * MEBIBYTE,
    )


def _usage(
    chance: random.Random, day: date, namespace: str, name: str, pods: int, millicores: int, memory_bytes: int
) -> UsageDay:
    cpu, memory = int(millicores * chance.uniform(0.1, 1.3)) + 1, int(memory_bytes * chance.uniform(0.2, 1.1)) + 1
    return UsageDay(
        namespace=namespace,
        deployment=name,
        container="app",
        day=day,
        pods=pods,
        cpu_p95_millicores=cpu,
        cpu_p95_hottest_millicores=cpu,
        memory_p95_bytes=memory,
        memory_p95_hottest_bytes=memory,
        memory_max_bytes=memory,
        cpu_quantiles_millicores=(cpu,) * len(QUANTILES),
        memory_quantiles_bytes=(memory,) * len(QUANTILES),
        found=Resources(millicores, memory_bytes, millicores * 2, memory_bytes * 2),
    )


def add_users(connection: Connection) -> None:
    """The usual administrator, since the first user is made only where there is none, and others who may less."""
    hasher = PasswordHasher()
    store = UserStore(connection)
    for username, role in (("kubedoor", "admin"), (OPERATOR, OPERATOR), (VIEWER, VIEWER)):
        user = User(
            username=username,
            role=role,
            password_hash=hasher.hash(PASSWORD),
            must_change_password=False,
            sessions_valid_from=datetime.now(UTC) - timedelta(minutes=1),
        )
        store.save(user)


def add_markup(connection: Connection) -> None:
    """An admission in which everything that comes from the cluster is markup."""
    record = _admission(datetime.now(UTC), "markup")._replace(
        deployment=MARKUP,
        username=MARKUP,
        reason=MARKUP,
        before={MARKUP: MARKUP},
        after={MARKUP: MARKUP},
        warnings=(MARKUP,),
    )
    RecordStore(connection, CLUSTER).add_admissions([record])


def add_admissions(connection: Connection, count: int) -> None:
    """The newest a minute ago; every other one is a restart of `cart` that the door only observed."""
    newest = datetime.now(UTC) - timedelta(minutes=1)
    rows = [_admission(newest - timedelta(hours=number), f"seeded-{number}") for number in range(count)]
    rows[1::2] = [_observed(row) for row in rows[1::2]]
    RecordStore(connection, CLUSTER).add_admissions(rows)


def _observed(row: AdmissionRecord) -> AdmissionRecord:
    return row._replace(
        deployment="cart",
        subresource="",
        username="ci@example.com",
        outcome="observed",
        reason="mode is observe",
        before={"cart cpu request": "2"},
        after={"cart cpu request": "640m"},
        warnings=(WARNING,),
    )


def _admission(at: datetime, uid: str) -> AdmissionRecord:
    return AdmissionRecord(
        at=at,
        cluster=CLUSTER,
        namespace="shop",
        deployment="catalog",
        uid=uid,
        operation="UPDATE",
        subresource="scale",
        username="alice",
        outcome="patched",
        reason="control values were set",
        before={"replicas": "10"},
        after={"replicas": "6"},
        warnings=(),
        version=1,
        snapshot_age_seconds=0.2,
    )


if __name__ == "__main__":
    sys.exit(main())
