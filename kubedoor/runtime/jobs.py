"""Jobs that run once and exit; Jobs and CronJobs of the chart start them as `python -m kubedoor COMMAND`."""

from __future__ import annotations

import json
import time

from kubedoor.admission import webhook_configuration
from kubedoor.admission.certificates import in_cluster
from kubedoor.admission.native.policies import NAMES
from kubedoor.admission.native.policy_switch import BINDINGS, PolicySwitch
from kubedoor.admission.options import rules_of
from kubedoor.collection.ping import Ping
from kubedoor.collection.request import CollectRequest
from kubedoor.config.settings import Settings
from kubedoor.errors import Forbidden, SettingsError
from kubedoor.runtime.assembly import utc_now
from kubedoor.runtime.door_certificate import service_names
from kubedoor.runtime.sources import build_cluster


def ping(settings: Settings) -> None:
    """Call `collect` until nothing is left to do; print each step as a JSON line. Raises SettingsError."""
    if not settings.collect_url:
        problem = "KUBEDOOR_COLLECT_URL is not set: set it, e.g. http://collect.kubedoor.svc.cluster.local"
        raise SettingsError(problem, problems=[problem])
    sender = Ping(
        settings.collect_url,
        settings.collect_token,
        # `collect` finishes a day it has begun, so a response may take longer than the budget.
        settings.collect_budget_seconds * 2 + 60,
        f"/apis/batch/v1/namespaces/{settings.namespace}/cronjobs/kubedoor-collect",
        now=utc_now,
        sleep=time.sleep,
    )
    for step in sender.run(CollectRequest()):
        print(json.dumps(step), flush=True)


def renew_certificates(settings: Settings) -> None:
    """Create or renew the door's certificate in its Secret, and write its CA into the webhook configuration."""
    written = in_cluster.renew(
        build_cluster(settings),
        namespace=settings.namespace,
        secret=settings.webhook_secret,
        names=service_names(settings),
        now=utc_now(),
    )
    print(f"the Secret {settings.webhook_secret} was {'written' if written else 'good'}")


def remove_webhook(settings: Settings) -> None:
    """Delete webhook configuration and policies; needs no store and no door. A webhook left behind would block releases."""
    cluster = build_cluster(settings)
    cluster.delete_webhook_configuration(webhook_configuration.NAME)
    try:
        PolicySwitch(cluster, rules_of(settings)).turn_off()
    except Forbidden as error:
        print(
            f"{webhook_configuration.NAME} is gone; native policies were not removed, and may go on enforcing: {error}"
        )
        print(f"an administrator removes them: kubectl delete --ignore-not-found {BINDINGS} {' '.join(NAMES)}")
        return
    print(f"{webhook_configuration.NAME} is gone: enforcement is off")
