"""The services of every cluster: each cluster's are built by the first request that is about it."""

from __future__ import annotations

from collections.abc import Callable

from kubedoor.config.settings import Settings
from kubedoor.runtime.lazy import once

from .services import Services


class Clusters:
    def __init__(self, settings: Settings, build: Callable[[Settings], Services]) -> None:
        self._settings = settings
        self._built = {one.cluster: self._builder(build, one) for one in settings.every_cluster}

    @staticmethod
    def _builder(build: Callable[[Settings], Services], settings: Settings) -> Callable[[], Services]:
        return once(lambda: build(settings))

    @property
    def settings(self) -> Settings:
        """Of the home cluster, and with it of all that is common to the clusters."""
        return self._settings

    @property
    def home(self) -> Services:
        return self._built[self._settings.cluster]()

    def of(self, name: str) -> Services:
        """Raises NotFound that names the clusters there are."""
        return self._built[self._settings.for_cluster(name).cluster]()

    def all(self) -> list[Services]:
        """The home cluster first."""
        return [build() for build in self._built.values()]
