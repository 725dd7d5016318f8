"""Compares label, owner and HPA of every Deployment that a look finds with what is known. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from kubedoor.admission.facts import hpa_observation, is_news, stored_observation
from kubedoor.model.facts import Facts, Observation, ObservationKind
from kubedoor.model.values import WorkloadKey

_UNKNOWN = Facts()


class LookedFacts:
    """`hpas` have one by their control values, `scaled` by the list of HPAs. The Deployments were listed after `at`."""

    def __init__(
        self,
        known: Mapping[WorkloadKey, Facts],
        *,
        hpas: Collection[WorkloadKey],
        scaled: Collection[WorkloadKey],
        at: datetime,
    ) -> None:
        self._known = known
        self._gone = set(known)
        self._hpas = hpas
        self._scaled = scaled
        self._at = at
        self._changed: list[Observation] = []

    def see(self, key: WorkloadKey, manifest: Mapping[str, Any]) -> None:
        self._gone.discard(key)
        known = self._known.get(key, _UNKNOWN)
        seen = stored_observation(manifest, key, self._at)
        if is_news(seen, known):
            self._changed.append(seen)
        self._see_hpa(key, manifest, known.hpa)

    def _see_hpa(self, key: WorkloadKey, manifest: Mapping[str, Any], known: Observation | None) -> None:
        is_known = known is not None and known.hpa
        if key in self._scaled and not is_known:
            # Recorded also where collected values say so: the next ones may not.
            self._changed.append(hpa_observation(manifest, key, self._at))
        elif key not in self._scaled and (is_known or key in self._hpas):
            # Of the version that is contradicted: the HPA may have been made after the list of HPAs, and have scaled.
            none = replace(known, hpa=False) if known else Observation(key, ObservationKind.HPA, self._at)
            if known is None or self._at > known.seen_at:
                self._changed.append(replace(none, seen_at=self._at))

    def changed(self) -> list[Observation]:
        """All that differs, and the end of what was known of Deployments that are gone."""
        return [*self._changed, *(one for key in self._gone for one in self._known[key].cleared(self._at))]
