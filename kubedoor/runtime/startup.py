"""The settings of a function's process: read once, with logging configured by them, and every problem logged.

A function that is asked for its health reads them first, so a pod with wrong settings is never ready.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from kubedoor.config import clusters
from kubedoor.config.clusters import ClusterSettings
from kubedoor.errors import KubeDoorError, SettingsError
from kubedoor.runtime import logs

log = logging.getLogger(__name__)

_logged: set[str] = set()


def load_settings(environ: Mapping[str, str], *, collects: bool = True) -> ClusterSettings:
    """Raises SettingsError, after it has logged each problem once in this process. `collects`: a usage source is needed."""
    try:
        config = clusters.load(environ)
        if collects:
            check_sources(config)
    except SettingsError as error:
        logs.configure("info")
        for problem in error.details["problems"]:
            if problem not in _logged:
                _logged.add(problem)
                log.error("the settings are wrong: %s", problem)
        raise
    logs.configure(config.home.log_level)
    return config


def check_sources(config: ClusterSettings) -> None:
    """Check what only the parts that collect need of the settings. Sends nothing. Raises SettingsError with every problem."""
    # Here, because the door needs none of it.
    from kubedoor.runtime.assembly import build_source
    from kubedoor.sizing.rules import rule_named

    problems: list[str] = []
    for one in config.every_cluster:
        try:
            rule_named(one.sizing_rule)
            build_source(one)
        except SettingsError as error:
            problems += error.details["problems"]
        except KubeDoorError as error:
            variable = f"KUBEDOOR_{str(error.details['field']).upper()}: " if "field" in error.details else ""
            problems.append(f"{variable}{error.message}")
    if problems := list(dict.fromkeys(problems)):
        raise SettingsError("\n".join(problems), problems=problems)
