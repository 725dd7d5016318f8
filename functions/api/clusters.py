"""The services of every cluster. Those of a cluster are built by the first request for it."""

from __future__ import annotations

from collections.abc import Callable

from kubedoor.config.clusters import ClusterSettings
from kubedoor.config.settings import Settings
from kubedoor.runtime.lazy import once

from .services import Services


class Clusters:
    def __init__(self, settings: ClusterSettings, build: Callable[[Settings], Services]) -> None:
        self._settings = settings
        self._built = {one.cluster: self._builder(build, one) for one in settings.every_cluster}

    @staticmethod
    def _builder(build: Callable[[Settings], Services], settings: Settings) -> Callable[[], Services]:
        return once(lambda: build(settings))

    @property
    def settings(self) -> ClusterSettings:
        return self._settings

    @property
    def home(self) -> Services:
        return self._built[self._settings.home.cluster]()

    def of(self, name: str) -> Services:
        """Raises NotFound that lists the known clusters."""
        return self._built[self._settings.for_cluster(name).cluster]()

    def all(self) -> list[Services]:
        """The home cluster first."""
        return [build() for build in self._built.values()]
