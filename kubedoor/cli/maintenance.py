"""Commands that do one job and exit: `migrate`, `settings`, `webhook`, `ping`, `certificates`. The chart runs some."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from kubedoor.cli.serve import configure, door_certificate
from kubedoor.config.markdown_table import settings_table
from kubedoor.config.settings import Settings


def add_to(app: typer.Typer) -> None:
    app.command("migrate", help="Bring the store's schema up to date.")(migrate)
    app.command("settings", help="Print every setting as a Markdown table.")(show_settings)
    app.command("webhook", help="Print the webhook configuration, for kubectl apply -f -.")(webhook)
    app.command(
        "policies", help="Print the policies that enforce control values without a webhook, for kubectl apply -f -."
    )(policies)
    app.command("ping", help="Have `collect` collect until everything is complete.")(ping)
    app.command("certificates", help="Make or renew the door's certificate in its Secret.")(certificates)


def migrate() -> None:
    from kubedoor.store import migrations
    from kubedoor.store.opening import open_store

    config = configure().home
    applied = migrations.migrate(open_store(config), cluster=config.store_cluster)
    print("\n".join(applied) if applied else "the schema is up to date")


def show_settings() -> None:
    print(settings_table())


def webhook(
    remove: Annotated[bool, typer.Option("--remove", help="Delete it from the cluster: control off.")] = False,
) -> None:
    from kubedoor.runtime import jobs

    config = configure().home
    jobs.remove_webhook(config) if remove else _print_webhook(config)


def _print_webhook(config: Settings) -> None:
    from kubedoor.admission.webhook_configuration import configuration
    from kubedoor.runtime.assembly import webhook_options

    # Its CA belongs into the configuration, so the certificate has to be there first.
    door_certificate(config)
    print(json.dumps(configuration(webhook_options(config)), indent=2))


def policies() -> None:
    from kubedoor.admission.native.policies import policies
    from kubedoor.admission.options import rules_of
    from kubedoor.admission.switch import BOTH

    config = configure().home
    made = policies(rules_of(config), traced=config.door == BOTH)
    print(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(made)}, indent=2))


def ping() -> None:
    from kubedoor.runtime import jobs

    jobs.ping(configure().home)


def certificates() -> None:
    from kubedoor.runtime import jobs

    jobs.renew_certificates(configure().home)
