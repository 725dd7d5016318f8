"""The settings of a function's process: read once, with logging configured by them, and what goes wrong logged.

A function that is asked for its health reads them first, so a pod with wrong settings is never ready.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from kubedoor.config import clusters
from kubedoor.config.clusters import ClusterSettings
from kubedoor.errors import InvalidInput, KubeDoorError, SettingsError
from kubedoor.runtime import logs

log = logging.getLogger(__name__)

LOGGED_AGAIN_SECONDS = 600.0
_logged_at: dict[str, float] = {}


def load_settings(environ: Mapping[str, str], *, collects: bool = True) -> ClusterSettings:
    """Raises SettingsError, after it has logged each problem once. `collects`: a usage source is needed."""
    try:
        config = clusters.load(environ)
        if collects:
            check_sources(config)
    except SettingsError as error:
        logs.configure("info")
        for problem in error.details["problems"]:
            _log_once(f"the settings are wrong: {problem}")
        raise
    logs.configure(config.home.log_level)
    return config


def check_sources(config: ClusterSettings) -> None:
    """What only the parts that collect need of the settings. Raises SettingsError with every problem."""
    # Here, because the door needs none of it.
    from kubedoor.sizing.rules import rule_named

    problems: list[str] = []
    for one in config.every_cluster:
        problems += [one.source_problem] if one.source_problem else []
        try:
            rule_named(one.sizing_rule)
        except InvalidInput as error:
            problems.append(f"KUBEDOOR_SIZING_RULE: {error.message}")
    if problems := list(dict.fromkeys(problems)):
        raise SettingsError("\n".join(problems), problems=problems)


def log_failure(error: KubeDoorError) -> None:
    """What keeps a function from answering anything. Without this only those who ask would know."""
    if error.status >= 500 and not isinstance(error, SettingsError):
        _log_once(f"the function cannot answer: {error.message}")


def _log_once(message: str) -> None:
    """Every request meets the same problem: it is logged again only if it lasts."""
    now = time.monotonic()
    if now - _logged_at.get(message, -LOGGED_AGAIN_SECONDS) >= LOGGED_AGAIN_SECONDS:
        _logged_at[message] = now
        log.error("%s", message)
