"""Makes the corpus of reviews that decisions are held to: `python -m tests.support.review_corpus` writes it anew.

Seeded, so that a run without a change of the rules gives the same file. A changed line is a changed decision.
"""

from __future__ import annotations

import copy
import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonpatch

from kubedoor.admission.decision import Decision
from kubedoor.admission.review import parse_review
from kubedoor.admission.rules import CONTROL_LABEL, GKE_AUTOSCALER, HPA_USER, Rules, decide
from kubedoor.asked import ANNOTATION, Asked, format_asked, requirements
from kubedoor.control_values import UNKNOWN, compile_workload, with_facts
from kubedoor.model.values import ControlValues
from tests.support.builders import make_container, make_deployment, make_request, make_review, make_scale

PATH = Path(__file__).parent.parent / "unit" / "admission" / "review_corpus.jsonl"
COUNT = 330
_CPU = ("100m", "0.5", "500m", "1", "1500m", "2", "250u", "1e-1")
_MEMORY = ("64Mi", "128Mi", "134217728", "1Gi", "1073741824", "0.1Gi", "512M", "107374182400m")
_TYPES = ("ShortHistory", "LowCoverage", "LargeChange", "OOMKilled", "LimitRange")
_RESOURCES = ("cpu_request_millicores", "memory_request_bytes", "cpu_limit_millicores", "memory_limit_bytes")
Json = dict[str, Any]


class Maker:
    """One random world after another."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def review(self) -> Json:
        stored = self.deployment()
        kind = self._random.choices(
            ("create", "release", "manifest", "replicas", "label", "spelling", "scale", "annotation", "other"),
            (14, 20, 28, 8, 4, 6, 14, 4, 6),
        )[0]
        user = self._random.choices(("alice", HPA_USER, GKE_AUTOSCALER), (12, 1, 1))[0]
        if kind == "scale":
            replicas = self._random.randrange(0, 12), self._random.randrange(0, 12)
            return make_review(make_request(make_scale(replicas[0]), make_scale(replicas[1]), username=user))
        if kind == "create":
            return make_review(make_request(stored, username=user))
        changed = self._changed(kind, stored)
        request = make_request(changed, stored, username=user)
        if kind == "other":
            request = self._random.choice(
                (
                    request._replace(resource="statefulsets"),
                    request._replace(subresource="status"),
                    request._replace(operation="DELETE"),
                    request._replace(namespace="kube-system"),
                )
            )
        return make_review(request)

    def deployment(self) -> Json:
        names = self._random.sample(("app", "proxy", "worker"), self._random.randrange(1, 4))
        sidecars = [self._container("mesh", restartPolicy="Always")] if self.chance(0.2) else []
        init = [self._container("migrate"), *sidecars] if sidecars or self.chance(0.2) else []
        more: dict[str, Any] = {"initContainers": init} if init else {}
        if self.chance(0.04):
            more["resources"] = {"requests": {"cpu": "4"}}
        manifest = make_deployment(
            replicas=self._random.choice((None, 0, 1, 3, 10)),
            containers=[self._container(name) for name in names],
            labels={CONTROL_LABEL: "off"} if self.chance(0.06) else None,
            owner="rev" if self.chance(0.06) else "",
            **more,
        )
        if self.chance(0.8):
            manifest["metadata"]["annotations"] = {"team": "a", ANNOTATION: format_asked(self._asked(manifest))}
        return manifest

    def _asked(self, manifest: Json) -> Asked:
        """Partly what runs, partly something else."""
        other = requirements(make_deployment(containers=[self._container(name) for name in requirements(manifest)]))
        return {name: found if self.chance(0.3) else other[name] for name, found in requirements(manifest).items()}

    def _container(self, name: str, **fields: Any) -> Json:
        parts: dict[str, Any] = {}
        for part in ("requests", "limits"):
            if self.chance(0.7):
                amounts = {"cpu": self._random.choice(_CPU), "memory": self._random.choice(_MEMORY)}
                parts[part] = {resource: text for resource, text in amounts.items() if self.chance(0.8)}
            if self.chance(0.1):
                parts[part] = {**parts.get(part, {}), "nvidia.com/gpu": "1"}
        return _as_sent(make_container(name, **parts, **fields))

    def _changed(self, kind: str, stored: Json) -> Json:
        changed = copy.deepcopy(stored)
        template = changed["spec"]["template"]
        if kind == "release":
            template["spec"]["containers"][0]["image"] = "registry.test/app:2"
        if kind in ("release", "manifest") and self.chance(0.8):
            self._say(changed, stored)
        if kind == "replicas" or self.chance(0.3):
            changed["spec"]["replicas"] = self._random.randrange(0, 12)
        if kind == "label":
            changed["metadata"]["labels"]["team"] = "b"
        if kind == "spelling":
            template["metadata"]["labels"]["pod-template-hash"] = "55d4"
        if kind == "annotation" or self.chance(0.1):
            changed["metadata"].pop("annotations", None)
        return changed

    def _say(self, changed: Json, stored: Json) -> None:
        """The numbers of the manifest: those asked before, or some of them new."""
        annotation = stored["metadata"].get("annotations", {}).get(ANNOTATION, "")
        for container in changed["spec"]["template"]["spec"]["containers"]:
            entry = next((one for one in annotation.split(";") if one.startswith(f"{container['name']}:")), "")
            asked = dict(one.split("=") for one in entry.partition(":")[2].split(",") if "=" in one)
            container["resources"] = container.get("resources") or {}
            for part in ("requests", "limits"):
                kept = {name: text for name, text in (container["resources"].get(part) or {}).items() if "/" in name}
                said = {field.partition(".")[2]: text for field, text in asked.items() if field.startswith(part)}
                container["resources"][part] = {**kept, **said}
            if self.chance(0.2):
                container["resources"]["requests"]["cpu"] = self._random.choice(_CPU)
            _as_sent(container)

    def rows(self) -> list[Json]:
        """Rows of the view `control` of the workload; none: it is not in the control table."""
        if self.chance(0.1):
            return []
        shared = {
            "mode": self._random.choices(("enforce", "observe", "off"), (10, 2, 1))[0],
            "version": self._random.randrange(5),
            "replicas": self._random.choice((None, 0, 3, 5)),
            "manual_replicas": self._random.choice((None, 5)),
            "withheld_replicas": [f"replicas:{self._random.choice(_TYPES)}"] if self.chance(0.2) else [],
            "hpa": self.chance(0.15),
            "opted_out": self.chance(0.05),
            "owned": self.chance(0.05),
            "peak_day": None,
        }
        names = self._random.sample(("app", "proxy", "worker", "mesh", "migrate"), self._random.randrange(0, 6))
        return [{**shared, "container": name, **self._amounts()} for name in names] or [
            {**shared, "container": "", **dict.fromkeys([*_RESOURCES, *(f"manual_{one}" for one in _RESOURCES)])}
            | {"withheld": []}
        ]

    def _amounts(self) -> Json:
        amounts: Json = {}
        for name in _RESOURCES:
            is_memory = name.startswith("memory")
            amount = self._random.randrange(1, 3000) * (2**18 if is_memory else 1) if self.chance(0.7) else None
            amounts[name] = amount
            amounts[f"manual_{name}"] = amount if self.chance(0.3) else None
        withheld = [name for name in _RESOURCES if self.chance(0.15)]
        amounts |= {name: amounts[f"manual_{name}"] for name in withheld}
        return {**amounts, "withheld": [f"{name}:{self._random.choice(_TYPES)}" for name in withheld]}

    def rules(self) -> Rules:
        return Rules(
            excluded_namespaces=frozenset({"kube-system"}),
            deny_unknown=self.chance(0.3),
            hpa_replicas=self._random.choice(("keep", "keep", "pass", "control")),
            keep_unchanged_manifests=self.chance(0.85),
        )


def _as_sent(container: Json) -> Json:
    """As the API server spells it: `resources` is always there, an empty part of it never."""
    container["resources"] = {part: amounts for part, amounts in container.get("resources", {}).items() if amounts}
    return container


def values_of(case: Json) -> ControlValues:
    return compile_workload(case["rows"]) if case["rows"] else with_facts(UNKNOWN, case["facts"])


def rules_of(case: Json) -> Rules:
    namespaces = {name: frozenset(case["rules"].get(name, ())) for name in ("excluded_namespaces", "namespaces")}
    return Rules(**{**case["rules"], **namespaces})


def answer_of(case: Json) -> Json:
    """What the door decides: the object as it would be stored, and what it says."""
    request = parse_review(case["review"])
    decision: Decision = decide(request, values_of(case), rules_of(case))
    return {
        "allowed": decision.allowed,
        "outcome": str(decision.outcome),
        "reason": decision.reason,
        "warnings": list(decision.warnings),
        "object": jsonpatch.apply_patch(request.object, list(decision.patch)),
    }


def cases() -> list[Json]:
    found = []
    for seed in range(COUNT):
        maker = Maker(seed)
        rules = {**asdict(maker.rules()), "excluded_namespaces": ["kube-system"], "namespaces": []}
        facts = {"opted_out": maker.chance(0.2), "owned": False, "hpa": maker.chance(0.2)}
        found.append({"seed": seed, "review": maker.review(), "rows": maker.rows(), "facts": facts, "rules": rules})
    return found


def main() -> None:
    lines = (json.dumps({**case, "answer": answer_of(case)}, separators=(",", ":")) for case in cases())
    PATH.write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
