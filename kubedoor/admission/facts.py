"""What admissions teach about a Deployment that a later Scale does not show: label, owner, HPA. Pure.

Certain is only what is stored: `oldObject`. What `object` would make of label and owner may still be refused. It counts
for a later Scale only if something has been stored since: a refused request leaves the resource version as it was, and
a refused creation leaves no Deployment that was created then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kubedoor.admission.review import AdmissionRequest
from kubedoor.admission.rules import is_hpa, object_facts
from kubedoor.model.facts import Facts, Observation, ObservationKind
from kubedoor.model.values import WorkloadKey

IN_FLIGHT = timedelta(seconds=0.05)
"""A request may be stored this long after its admission, while others still see the old version."""
CREATED_WITHIN = timedelta(seconds=60)
"""How long the API server works on a request at most."""
_CLOCK_DIFFERENCE = timedelta(days=1)
"""A time in `managedFields` that is further away than this was sent by the client."""
_NO_EXEMPTIONS = (False, False)


def is_full_deployment(request: AdmissionRequest) -> bool:
    """Whether the request carries a Deployment with its labels and owners."""
    return (
        (request.group, request.resource, request.subresource) == ("apps", "deployments", "")
        and request.operation in ("CREATE", "UPDATE")
        and bool(request.name)
    )


def shows_facts(request: AdmissionRequest) -> bool:
    return is_full_deployment(request) or is_hpa(request)


def exemptions_at_scale(request: AdmissionRequest, known: Facts) -> tuple[bool, bool]:
    """Whether the Deployment of a Scale is opted out, and whether it is owned, for all that is known."""
    metadata = _metadata(request.old_object)
    uid, shown, stored = _uid(metadata), known.shown, known.stored
    if shown and shown.uid == uid and _version(metadata) > shown.resource_version:
        return shown.exemptions
    if known.creation and not (stored and stored.uid and stored.uid == uid) and _is_created(known.creation, metadata):
        return known.creation.exemptions
    return _exemptions(stored, uid)


def observations(
    request: AdmissionRequest, key: WorkloadKey, known: Facts, *, at: datetime, is_unsure: bool
) -> list[Observation]:
    """What the request teaches beyond what is known. `is_unsure`: another door may know better since."""
    at = known.moment(at)
    found: list[Observation] = []
    if is_hpa(request):
        found += _of_hpa(request, key, known, at, is_unsure=is_unsure)
    if request.is_scale:
        found += _of_scale(request, known, at)
    elif is_full_deployment(request) and request.operation == "CREATE":
        found += _of_creation(request, key, known, at)
    elif is_full_deployment(request):
        found += _of_update(request, key, known, at, is_unsure=is_unsure)
    return found


def stored_observation(manifest: Mapping[str, Any], key: WorkloadKey, at: datetime) -> Observation:
    """Label and owner of a Deployment that is stored."""
    metadata = _metadata(manifest)
    opted_out, owned = object_facts(manifest)
    return Observation(key, ObservationKind.STORED, at, _uid(metadata), _version(metadata), opted_out, owned)


def hpa_observation(manifest: Mapping[str, Any], key: WorkloadKey, at: datetime) -> Observation:
    """An HPA scales this Deployment, which may be shown as its Scale."""
    metadata = _metadata(manifest)
    return Observation(key, ObservationKind.HPA, at, _uid(metadata), _version(metadata), hpa=True)


def is_news(seen: Observation, known: Facts) -> bool:
    """Whether what is stored supersedes or contradicts what is known."""
    if known.stored and not seen.is_newer_than(known.stored):
        return False
    shown = [one for one in (known.shown, known.creation) if one]
    if any(seen.is_newer_than(one) and seen.exemptions != one.exemptions for one in shown):
        return True
    # What held for a Deployment that was made anew since is recorded as this one's.
    is_another = known.stored is not None and any(known.stored.exemptions) and not _is_of(known.stored, seen.uid)
    return is_another or seen.exemptions != (known.stored.exemptions if known.stored else _NO_EXEMPTIONS)


def _of_hpa(
    request: AdmissionRequest, key: WorkloadKey, known: Facts, at: datetime, *, is_unsure: bool
) -> list[Observation]:
    is_known = known.hpa is not None and known.hpa.hpa
    return [] if is_known and not is_unsure else [hpa_observation(request.old_object, key, at)]


def _of_scale(request: AdmissionRequest, known: Facts, at: datetime) -> list[Observation]:
    """A Scale of the very version that a request was to change: that request was refused."""
    metadata, shown = _metadata(request.old_object), known.shown
    if not shown or not shown.resource_version:
        return []
    if (shown.uid, shown.resource_version) != (_uid(metadata), _version(metadata)) or at - shown.seen_at <= IN_FLIGHT:
        return []
    opted_out, owned = _exemptions(known.stored, shown.uid)
    if (opted_out, owned) == shown.exemptions:
        return []
    return [replace(shown, kind=ObservationKind.STORED, seen_at=at, opted_out=opted_out, owned=owned)]


def _of_creation(request: AdmissionRequest, key: WorkloadKey, known: Facts, at: datetime) -> list[Observation]:
    opted_out, owned = object_facts(request.object)
    if not (opted_out or owned or any(any(one.exemptions) for one in known.exempting)):
        return []
    created_at = _asked_at(request.object, at)
    kind = ObservationKind.CREATION
    return [Observation(key, kind, at, opted_out=opted_out, owned=owned, created_at=created_at)]


def _of_update(
    request: AdmissionRequest, key: WorkloadKey, known: Facts, at: datetime, *, is_unsure: bool
) -> list[Observation]:
    before, after = object_facts(request.old_object), object_facts(request.object)
    if before == after == _NO_EXEMPTIONS and not known.exempting and not is_unsure:
        # Nearly all of them: nothing holds, and nobody has said otherwise.
        return []
    found = []
    seen = stored_observation(request.old_object, key, at)
    if is_news(seen, known) or (is_unsure and not (known.stored and known.stored.is_newer_than(seen))):
        found.append(seen)
    if after != before and not _is_conflict(request):
        opted_out, owned = after
        found.append(replace(seen, kind=ObservationKind.SHOWN, opted_out=opted_out, owned=owned))
    return found


def _is_conflict(request: AdmissionRequest) -> bool:
    """Whether the update is of another version than the one that is stored: it will be refused."""
    sent, stored = (_metadata(one).get("resourceVersion") for one in (request.object, request.old_object))
    return bool(sent) and bool(stored) and sent != stored


def _is_created(creation: Observation, metadata: Mapping[str, Any]) -> bool:
    """Whether the Deployment that has this metadata is the one of the creation: both times are of one clock."""
    made_at = _time(metadata.get("creationTimestamp"))
    if made_at is None or creation.created_at is None:
        return False
    return timedelta(0) <= made_at - creation.created_at <= CREATED_WITHIN


def _exemptions(stored: Observation | None, uid: str) -> tuple[bool, bool]:
    return stored.exemptions if stored and _is_of(stored, uid) else _NO_EXEMPTIONS


def _is_of(one: Observation, uid: str) -> bool:
    return one.uid == uid or not (one.uid and uid)


def _asked_at(manifest: Mapping[str, Any], at: datetime) -> datetime:
    """When the API server got a creation, by its own clock: it notes the time beside the fields that are set."""
    fields = _metadata(manifest).get("managedFields") or ()
    times = (_time(one.get("time")) for one in fields)
    own = [time for time in times if time and abs(time - at) < _CLOCK_DIFFERENCE]
    return max(own, default=at).replace(microsecond=0)


def _metadata(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = manifest.get("metadata") or {}
    return found


def _uid(metadata: Mapping[str, Any]) -> str:
    return str(metadata.get("uid") or "")


def _version(metadata: Mapping[str, Any]) -> int:
    text = str(metadata.get("resourceVersion") or "")
    version = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    return version if version < 2**64 else 0


def _time(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
