"""The command line: one module for each group of commands. Exit codes: 0 done, 1 failed, 2 wrong settings or arguments.

Commands that need data call the API: that of a running KubeDoor if `--url` or KUBEDOOR_API_URL is set, else the same
application inside this process, on the store of the settings. Both behave alike and return the same errors.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import kubedoor
from kubedoor.cli import (
    acceptances,
    accounts,
    actions,
    additions,
    admission,
    channels,
    checkup,
    collect,
    import_export,
    maintenance,
    records,
    report,
    savings,
    schedules,
    serve,
)
from kubedoor.cli.api_client import ApiClient
from kubedoor.errors import KubeDoorError, SettingsError

EXIT_FAILURE = 1
EXIT_SETTINGS = 2


def application() -> typer.Typer:
    """The Typer application with every command; tests check the documents against it."""
    app = typer.Typer(
        name="kubedoor",
        help=kubedoor.__doc__,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def common(
        context: typer.Context,
        url: Annotated[
            str, typer.Option(help="A running KubeDoor; else KUBEDOOR_API_URL, else the store itself.")
        ] = "",
        token: Annotated[str, typer.Option(help="An API token for it; else KUBEDOOR_API_TOKEN.")] = "",
    ) -> None:
        context.obj = ApiClient(url, token)

    # Help shows the commands in this order.
    for group in (
        serve,
        maintenance,
        collect,
        report,
        savings,
        acceptances,
        additions,
        admission,
        checkup,
        actions,
        schedules,
        import_export,
        records,
        channels,
        accounts,
    ):
        group.add_to(app)
    return app


def main(arguments: list[str] | None = None) -> int:
    """0 done, 1 failed, 2 wrong settings or arguments."""
    try:
        application()(arguments, prog_name="kubedoor")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILURE if end.code else 0
    except SettingsError as error:
        print("kubedoor: the settings are wrong:", file=sys.stderr)
        for problem in error.details["problems"]:
            print(f"  {problem}", file=sys.stderr)
        return EXIT_SETTINGS
    except KubeDoorError as error:
        print(f"kubedoor: {error.message}", file=sys.stderr)
        return EXIT_FAILURE
    return 0
