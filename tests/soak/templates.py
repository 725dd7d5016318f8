"""The requests of a soak: each way in which a Deployment is created, changed or scaled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubedoor.admission.rules import CONTROL_LABEL
from kubedoor.model.values import WorkloadKey
from tests.bench.realistic import ASKED, RUNS, deployment
from tests.soak.asking import UID, Template
from tests.soak.expected import Expect, Json, as_sent, scaled, sized, with_resources
from tests.support.builders import at_version, make_request, make_review, make_scale

OWN_USER = "system:serviceaccount:kubedoor:kubedoor-api"
OWN_REQUESTS = 2
VARIABLES = 6
"""Of each container: reviews of 5 KiB."""
STORED_VERSION = 100


def templates(known: Sequence[WorkloadKey], hands_off: WorkloadKey) -> list[Template]:
    """All kinds of requests of each known workload, and some of others. `hands_off` is labelled so."""
    return [
        *(one for key in known for one in _of(key)),
        *(_create(None, f"stranger-{number}", known[0].namespace) for number in range(len(known))),
        # KubeDoor's own requests are few, and each of them asks the store.
        *(_scale(key, "own scale", username=OWN_USER) for key in known[:OWN_REQUESTS]),
        *teaching(hands_off),
        _scale(hands_off, "scale of one left alone", expect=as_sent),
    ]


def teaching(hands_off: WorkloadKey) -> list[Template]:
    """What shows the door that the Deployment is labelled, as it is stored."""
    labelled = _labelled(_running(hands_off), **{CONTROL_LABEL: "off"})
    released = _labelled(_asked(hands_off, image="registry.test/app:2"), **{CONTROL_LABEL: "off"})
    return [_template("release of one left alone", hands_off, released, labelled, as_sent)]


def _of(key: WorkloadKey) -> Iterator[Template]:
    running, released = _running(key), _asked(key, image="registry.test/app:2")
    yield _template("release", key, released, running, sized)
    yield _template("dry run", key, released, running, sized, dry_run=True)
    yield _template("same manifest", key, _asked(key), running, lambda sent, _: with_resources(sent, RUNS))
    yield _template("label", key, _labelled(running, team="b"), running, as_sent, is_recorded=False)
    yield _create(key, key.deployment, key.namespace)
    yield _scale(key, "scale")


def _create(key: WorkloadKey | None, name: str, namespace: str) -> Template:
    manifest = deployment(namespace, name, image="registry.test/app:1", resources=ASKED, variables=VARIABLES)
    return _template("create", key, manifest, None, sized if key else as_sent)


def _scale(key: WorkloadKey, kind: str, *, expect: Expect = scaled, username: str = "alice") -> Template:
    old, new = (_stored(make_scale(count, name=key.deployment, namespace=key.namespace), key) for count in (2, 9))
    return _template(kind, key, new, old, expect, username=username)


def _template(
    kind: str,
    key: WorkloadKey | None,
    changed: Json,
    old: Json | None,
    expect: Expect,
    *,
    username: str = "alice",
    dry_run: bool = False,
    is_recorded: bool = True,
) -> Template:
    review = make_review(make_request(changed, old, username=username, dry_run=dry_run))
    review["request"]["uid"] = UID
    return Template(kind, key, review, expect, is_recorded and not dry_run)


def _running(key: WorkloadKey) -> Json:
    manifest = deployment(
        key.namespace, key.deployment, image="registry.test/app:1", resources=RUNS, variables=VARIABLES
    )
    return _stored(manifest, key)


def _asked(key: WorkloadKey, *, image: str = "registry.test/app:1") -> Json:
    return _stored(deployment(key.namespace, key.deployment, image=image, resources=ASKED, variables=VARIABLES), key)


def _stored(manifest: Json, key: WorkloadKey) -> Json:
    return at_version(manifest, STORED_VERSION, uid=f"uid-{key.deployment}")


def _labelled(manifest: Json, **labels: str) -> Json:
    metadata = {**manifest["metadata"], "labels": {**manifest["metadata"]["labels"], **labels}}
    return {**manifest, "metadata": metadata}
