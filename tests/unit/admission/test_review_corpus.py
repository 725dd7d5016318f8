"""Decisions stay what they are: recorded reviews, compared as objects after the patch."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from kubedoor.admission.deployment_state import outline, state_of
from kubedoor.admission.json_patch import applied
from kubedoor.admission.review import parse_review
from kubedoor.admission.rules import decide
from kubedoor.model.deployments import DeploymentState
from tests.support.review_corpus import PATH, answer_of, rules_of, values_of

CASES: list[dict[str, Any]] = [json.loads(line) for line in PATH.read_text().splitlines()]


def test_the_corpus_is_large_and_wide() -> None:
    assert len(CASES) >= 300
    outcomes = Counter(case["answer"]["outcome"] for case in CASES)
    assert set(outcomes) == {"patched", "unchanged", "observed", "ignored", "unknown", "denied"}
    assert min(outcomes.values()) >= 5
    assert sum(case["answer"]["reason"] == "unchanged manifest" for case in CASES) >= 10


@pytest.mark.parametrize("case", CASES, ids=[f"{case['seed']:03d}" for case in CASES])
def test_a_recorded_review_is_decided_as_before(case: dict[str, Any]) -> None:
    answer = answer_of(case)
    assert answer == case["answer"]
    request = parse_review(case["review"])._replace(object=answer["object"])
    again = decide(request, values_of(case), rules_of(case))
    assert again.patch == (), "the patched object, decided again, gets no patch"


DEPLOYMENTS = [case for case in CASES if case["answer"]["object"].get("kind") == "Deployment"]


@pytest.mark.parametrize("case", DEPLOYMENTS, ids=[str(case["seed"]) for case in DEPLOYMENTS])
def test_an_outline_has_all_that_the_state_is_read_from(case: dict[str, Any]) -> None:
    request = parse_review(case["review"])
    patch = decide(request, values_of(case), rules_of(case)).patch

    def state(manifest: dict[str, Any]) -> DeploymentState:
        stored = applied(manifest, patch)
        return state_of({**stored, "metadata": {**stored["metadata"], "name": "web", "namespace": "shop"}})

    assert state(outline(request.object)) == state(request.object)
