"""Two predefined fleets: a realistic one for the sandbox, and a large one for counts and benchmarks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from kubedoor.model.values import Resources
from tests.toolbox.series import (
    CFS_METRICS,
    App,
    Container,
    Fleet,
    Gap,
    Hpa,
    Kind,
    Replace,
    Restart,
    Role,
    Rollout,
    Scale,
    Shape,
)

MIB = 2**20
BACKFILL_DELAY = timedelta(hours=3)
"""Newer samples are excluded: they belong to the head block of Prometheus."""
SANDBOX_START, SANDBOX_MINUTES = time(9, 50), 105


@dataclass(frozen=True)
class _Row:
    """One Deployment of the sandbox: replicas, cores and MiB used by a pod at the busiest hour, and what it asks for
    (millicores and MiB; None: not set)."""

    name: str
    replicas: int
    cores: float
    mib: int
    cpu: tuple[int | None, int | None]
    """Request, limit."""
    memory: tuple[int | None, int | None]
    """Request, limit."""


SHOP = (
    _Row("storefront", 4, 0.62, 740, (500, 2000), (512, 1024)),
    _Row("catalog", 3, 0.35, 980, (2000, 4000), (4096, 8192)),
    _Row("cart", 3, 0.22, 310, (250, 500), (384, 512)),
    _Row("checkout", 3, 0.41, 620, (500, 1000), (1024, 2048)),
    _Row("search", 2, 1.10, 2600, (400, 1500), (2048, 4096)),
    _Row("recommendation", 2, 0.55, 1400, (1000, 2000), (2048, 3072)),
    _Row("pricing", 2, 0.09, 190, (1000, 1000), (1024, 1024)),
    _Row("inventory", 2, 0.18, 420, (200, 800), (512, 768)),
    _Row("review", 2, 0.05, 260, (500, 1000), (1024, 2048)),
    _Row("promotion", 1, 0.12, 330, (None, None), (None, None)),
)
PAYMENT = (
    _Row("payment-gateway", 3, 0.48, 560, (1000, 2000), (1024, 2048)),
    _Row("ledger", 2, 0.33, 890, (500, 1000), (1024, 1536)),
    _Row("refund", 1, 0.04, 240, (500, 1000), (1024, 1024)),
    _Row("risk-score", 2, 0.95, 1750, (500, 1000), (1536, 2048)),
    _Row("settlement", 1, 0.27, 700, (2000, 2000), (4096, 4096)),
    _Row("invoice", 1, 0.08, 380, (250, None), (512, None)),
    _Row("card-vault", 2, 0.11, 210, (100, 500), (256, 512)),
    _Row("callback-sender", 2, 0.14, 180, (None, 500), (None, 512)),
)
ACCOUNT = (
    _Row("login", 3, 0.28, 350, (1000, 2000), (1024, 2048)),
    _Row("profile", 2, 0.10, 290, (200, 400), (384, 768)),
    _Row("session", 3, 0.16, 640, (250, 500), (768, 1024)),
    _Row("notification", 2, 0.07, 230, (1000, 2000), (2048, 2048)),
    _Row("loyalty", 1, 0.06, 310, (100, 400), (256, 512)),
    _Row("consent", 1, 0.02, 150, (500, 500), (512, 512)),
    _Row("avatar", 1, 0.09, 420, (200, 1000), (512, 1024)),
)
CONTENT = (
    _Row("cms", 2, 0.31, 1100, (1000, 2000), (2048, 4096)),
    _Row("image-resizer", 2, 1.35, 870, (500, 2000), (1024, 2048)),
    _Row("video-transcoder", 1, 2.60, 3100, (1000, 4000), (2048, 6144)),
    _Row("feed", 2, 0.24, 480, (300, 1000), (768, 1536)),
    _Row("comment", 2, 0.08, 270, (500, 1000), (1024, 1024)),
    _Row("tag", 1, 0.03, 160, (250, 500), (512, 512)),
    _Row("sitemap", 1, 0.02, 220, (100, 200), (256, 512)),
    _Row("cdn-purge", 1, 0.0015, 48, (500, 1000), (512, 1024)),
)
PLATFORM = (
    _Row("api-gateway", 3, 0.74, 510, (1000, 4000), (1024, 2048)),
    _Row("config-center", 2, 0.05, 460, (500, 1000), (1024, 2048)),
    _Row("job-scheduler", 1, 0.13, 390, (200, 500), (512, 1024)),
    _Row("audit-log", 2, 0.21, 720, (250, 1000), (768, 1536)),
    _Row("feature-flag", 2, 0.04, 120, (500, 500), (512, 512)),
    _Row("mailer", 1, 0.06, 200, (100, 300), (256, 512)),
    _Row("sms-sender", 1, 0.03, 170, (250, 500), (512, 512)),
    _Row("report", 1, 0.66, 1900, (2000, 4000), (4096, 8192)),
)
NAMESPACES = {"shop": SHOP, "payment": PAYMENT, "account": ACCOUNT, "content": CONTENT, "platform": PLATFORM}


def _resources(cpu: tuple[int | None, int | None], mib: tuple[int | None, int | None]) -> Resources:
    memory_request, memory_limit = (value and value * MIB for value in mib)
    return Resources(cpu[0], memory_request, cpu[1], memory_limit)


def _main_container(row: _Row, namespace: str, weekend: float) -> Container:
    cpu = Shape(row.cores, swing=0.7, weekend=weekend, noise=0.08)
    memory = Shape(row.mib * MIB, swing=0.15, weekend=0.5 + weekend / 2, noise=0.02)
    throttled = 0.3 if row.cpu[1] and row.cores * 1000 > row.cpu[1] * 0.6 else 0.01
    image = f"registry.example.com/{namespace}/{row.name}:2.17.0"
    return Container(row.name, cpu, memory, _resources(row.cpu, row.memory), throttled_share=throttled, image=image)


def _proxy(cores: float) -> Container:
    """A service mesh's proxy beside the main container."""
    asks = _resources((100, 2000), (128, 1024))
    return Container(
        "istio-proxy", Shape(cores * 0.12, swing=0.6, noise=0.1), Shape(72 * MIB, swing=0.1, noise=0.03), asks
    )


LOG_SHIPPER = Container(
    "log-shipper",
    Shape(0.012, swing=0.5, noise=0.1),
    Shape(38 * MIB, noise=0.02),
    Resources(50, 64 * MIB),
    Role.SIDECAR,
)
DATABASE_CHANGES = Container(
    "database-changes", Shape(0.1), Shape(64 * MIB), Resources(100, 128 * MIB, 500, 256 * MIB), Role.INIT
)


def _app(namespace: str, row: _Row) -> App:
    # The shop is busier on weekends, everything else is quieter.
    containers = [_main_container(row, namespace, 1.15 if namespace == "shop" else 0.45)]
    if namespace in ("shop", "payment"):
        containers.append(_proxy(row.cores))
    if namespace == "payment":
        containers.append(DATABASE_CHANGES)
    if row.name in ("checkout", "login", "api-gateway"):
        containers.append(LOG_SHIPPER)
    return App(row.name, namespace, tuple(containers), row.replicas)


def _with_main(app: App, **changes: object) -> App:
    main, *others = app.containers
    return replace(app, containers=(replace(main, **changes), *others))  # type: ignore[arg-type]


def _stories(fleet: Fleet, apps: dict[str, App]) -> None:
    """The events of single apps; days are counted back from the newest one."""
    last = fleet.days - 1
    sale = fleet.first_day + timedelta(days=last - 4)
    for name in ("storefront", "catalog", "cart", "checkout", "search", "inventory"):
        cpu = replace(apps[name].containers[0].cpu, day_factors=((sale, 1.55),))
        apps[name] = _with_main(apps[name], cpu=cpu)
    ramp = (Scale(fleet.moment(last - 4, "09:20"), 7), Scale(fleet.moment(last - 4, "18:00"), 4))
    apps["storefront"] = replace(apps["storefront"], hpa=Hpa("storefront", 3, 10), events=ramp)
    apps["checkout"] = replace(apps["checkout"], events=(Rollout(fleet.moment(last - 1, "10:35")),))
    apps["recommendation"] = replace(apps["recommendation"], created=fleet.moment(last - 1, "16:05"))
    apps["session"] = replace(
        apps["session"], events=(Replace(fleet.moment(last - 2, "10:50"), 1),), hot_pod_factor=1.6
    )
    growing = replace(apps["ledger"].containers[0].cpu, growth_per_day=0.02)
    apps["ledger"] = _with_main(apps["ledger"], cpu=growing)
    leak = replace(apps["feed"].containers[0].memory, climb_per_hour=6 * MIB)
    kills = tuple(Restart(fleet.moment(day, "10:20"), pod) for day in range(3, fleet.days, 7) for pod in (0, 1))
    apps["feed"] = _with_main(apps["feed"], memory=leak, restarts=kills)


def _bystanders(fleet: Fleet) -> tuple[App, ...]:
    """Pods without a Deployment: KubeDoor must have no usage rows of them."""
    small = (Container("main", Shape(0.15, noise=0.1), Shape(256 * MIB), Resources(100, 256 * MIB)),)
    backup = fleet.moment(fleet.days - 2, "10:00")
    return (
        App("cart-redis", "shop", small, 2, Kind.STATEFUL_SET),
        App("log-agent", "platform", small, fleet.nodes, Kind.DAEMON_SET),
        App(
            "reconcile-29384710", "payment", small, 1, Kind.JOB, created=backup, deleted=backup + timedelta(minutes=45)
        ),
        App("debug-shell", "platform", small, 1, Kind.POD),
    )


def newest_day(now: datetime, zone: str = "UTC") -> date:
    """The last local day whose recorded hours can be imported at `now`."""
    today = now.astimezone(ZoneInfo(zone)).date()
    over = datetime.combine(today, SANDBOX_START, ZoneInfo(zone)) + timedelta(minutes=SANDBOX_MINUTES) + BACKFILL_DELAY
    return today if now >= over else today - timedelta(days=1)


def sandbox_fleet(last_day: date, *, zone: str = "UTC", days: int = 30) -> Fleet:
    """41 Deployments in 5 namespaces and four bystanders, around a peak window of 10:00-11:30.

    There is a new one, an idle one, one that leaks and is killed for it, one with an HPA, one that grows, a rollout and
    a replaced pod inside the window, a sale that makes one day the heaviest, a gap and a day without data.
    """
    first_day = last_day - timedelta(days=days - 1)
    fleet = Fleet((), first_day, days, zone, SANDBOX_START, SANDBOX_MINUTES, state_scrape_seconds=120)
    apps = {row.name: _app(namespace, row) for namespace, rows in NAMESPACES.items() for row in rows}
    _stories(fleet, apps)
    outage = fleet.moment(days - 7, "10:31")
    return replace(
        fleet,
        apps=(*apps.values(), *_bystanders(fleet)),
        gaps=(Gap(outage, outage + timedelta(minutes=14)),),
        empty_days=(last_day - timedelta(days=17),),
    )


def _big_app(number: int) -> App:
    cores, mib = 0.05 + number % 37 * 0.02, 64 + number % 23 * 40
    main = Container(
        "main",
        Shape(cores, swing=0.6, weekend=0.6, noise=0.1),
        Shape(mib * MIB, swing=0.1, noise=0.02),
        Resources(250, 256 * MIB, 1000, 1024 * MIB),
    )
    proxy = Container("proxy", Shape(0.02, noise=0.1), Shape(60 * MIB, noise=0.02), Resources(50, 64 * MIB))
    return App(f"service-{number:03}", f"team-{number % 10}", (main, proxy), 3)


def big_fleet(first_day: date = date(2026, 3, 2), *, workloads: int = 200, days: int = 30) -> Fleet:
    """Many Deployments of three pods with two containers, around a peak window of 10:00-10:30 UTC.

    Only the hours of the window and the required metrics, so that it is generated in seconds.
    """
    return Fleet(
        tuple(_big_app(number) for number in range(workloads)),
        first_day,
        days,
        record_from=time(9, 54),
        record_minutes=38,
        state_scrape_seconds=240,
        nodes=20,
        without=(*CFS_METRICS, "container_spec_cpu_period", "kube_pod_container_status_restarts_total"),
        has_pod_cgroups=False,
    )
