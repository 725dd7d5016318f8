"""What Jobs and CronJobs of the chart run: each is one command of `python -m kubedoor`."""

from __future__ import annotations

import json
import time

from kubedoor.admission import webhook_configuration
from kubedoor.admission.certificates import in_cluster
from kubedoor.collection.ping import Ping
from kubedoor.collection.request import Wish
from kubedoor.config.settings import Settings
from kubedoor.errors import SettingsError
from kubedoor.runtime.assembly import build_cluster, service_names, utc_now


def ping(settings: Settings) -> None:
    """Ask `collect` until everything is complete; every step is a line of output."""
    if not settings.collect_url:
        problem = "KUBEDOOR_COLLECT_URL is not set: set it, e.g. http://collect.kubedoor.svc.cluster.local"
        raise SettingsError(problem, problems=[problem])
    sender = Ping(
        settings.collect_url,
        settings.collect_token,
        # A day that has been begun is finished, so an answer may take longer than its budget.
        settings.collect_budget_seconds * 2 + 60,
        f"/apis/batch/v1/namespaces/{settings.namespace}/cronjobs/kubedoor-collect",
        now=utc_now,
        sleep=time.sleep,
    )
    for step in sender.run(Wish()):
        print(json.dumps(step), flush=True)


def renew_certificates(settings: Settings) -> None:
    """Make or renew the door's certificate in its Secret, and tell the API server of its CA."""
    written = in_cluster.renew(
        build_cluster(settings),
        namespace=settings.namespace,
        secret=settings.webhook_secret,
        names=service_names(settings),
        now=utc_now(),
    )
    print(f"the Secret {settings.webhook_secret} was {'written' if written else 'good'}")


def remove_webhook(settings: Settings) -> None:
    """Control off, whatever the state of everything else: a webhook left behind would slow or stop releases."""
    build_cluster(settings).delete_webhook_configuration(webhook_configuration.NAME)
    print(f"{webhook_configuration.NAME} is gone: control is off")
