"""Regenerates the parts of docs/ that are generated from the code, and files of the chart: time zones, a kind, policies. A test checks that they are up to date.

python -m scripts.documents
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from kubedoor.admission.native.custom_resource import custom_resource_definition
from kubedoor.admission.native.policies import NAMES, policies
from kubedoor.admission.options import rules_of
from kubedoor.config import settings
from kubedoor.config.markdown_table import settings_table

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GLOSSARY = ROOT / "web" / "src" / "glossary.json"
"""The words that pages and documents share: of each its group, how the API writes it, and word and meaning by language."""
TIME_ZONES = ROOT / "knative" / "files" / "time-zones.txt"
"""What the chart takes for a time zone: Helm has no list of its own."""
DEFINITION = ROOT / "knative" / "files" / "controlvalues.yaml"
"""The kind of the policies' parameters."""
NATIVE, BOTH = ROOT / "knative" / "native.yaml", ROOT / "knative" / "both.yaml"
"""The native policies: alone, and beside the webhook."""
NATIVE_HEAD = f"""\
# Enforcement on by native policies{{how}}: kubectl apply -f knative/{{name}}
# Enforcement off: kubectl delete mutatingadmissionpolicybindings {" ".join(NAMES)}{{off}}
#
# For the default values: rules, namespaces. For others, print your own: kubectl -n kubedoor exec deploy/mutate -- python -m kubedoor policies
# Needs Kubernetes 1.36, and the kind ControlValues, which the chart installs: kubectl apply -f knative/files/controlvalues.yaml
# KubeDoor writes the control values into the cluster; without any, the policies change nothing.
"""


def api_table() -> str:
    """A Markdown table of all routes, in the order of the OpenAPI document."""
    lines = ["| route | operation | what it does |", "|---|---|---|"]
    for path, operations in openapi()["paths"].items():
        for method, operation in operations.items():
            words = operation.get("description") or operation.get("summary", "")
            lines.append(f"| `{method.upper()} {path}` | `{operation['operationId']}` | {' '.join(words.split())} |")
    return "\n".join(lines)


def openapi() -> dict[str, Any]:
    """The OpenAPI document; needs no store."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from functions.api.app import create_app

    def no_services() -> Any:
        raise RuntimeError("the document is made without services")

    document: dict[str, Any] = create_app(no_services).openapi()
    return document


GLOSSARY_HEADINGS = {
    "en": {
        "": "| word | in API and settings | meaning |",
        "measured": "What is measured",
        "judged": "What is said of it",
        "values": "Values",
        "door": "The door",
        "work": "Work",
    },
    "zh-CN": {
        "": "| 词 | API 和设置中 | 含义 |",
        "measured": "测量",
        "judged": "判断",
        "values": "值",
        "door": "准入门",
        "work": "工作",
    },
}
"""By language: the header of each table, and the heading of each group in the order of the page."""


def glossary(locale: str) -> str:
    """A heading and a Markdown table for each group of words."""
    header, *groups = GLOSSARY_HEADINGS[locale].items()
    words = json.loads(GLOSSARY.read_text(encoding="utf-8"))
    lines: list[str] = []
    for group, heading in groups:
        lines += [f"## {heading}", "", header[1], "|---|---|---|"]
        for word in (one for one in words if one["group"] == group):
            written = ", ".join(f"`{one}`" for one in word["api"].split(", ") if one)
            lines.append(f"| **{word[locale]['word']}** | {written} | {word[locale]['means']} |")
        lines.append("")
    return "\n".join(lines).strip()


GENERATED: dict[str, Callable[[], str]] = {
    "settings.md": settings_table,
    "api.md": api_table,
    "glossary.md": partial(glossary, "en"),
    "glossary.zh-CN.md": partial(glossary, "zh-CN"),
}


def time_zones() -> str:
    """The names of the IANA database, one a line, as the package `tzdata` has them."""
    return files("tzdata").joinpath("zones").read_text(encoding="utf-8")


def definition() -> str:
    """The CustomResourceDefinition as YAML."""
    return yaml.safe_dump(custom_resource_definition(), sort_keys=False, width=140)


def native_policies(path: Path) -> str:
    """The native policies of the default settings, for kubectl. `path`: NATIVE or BOTH."""
    made = policies(rules_of(settings.load({})), traced=path == BOTH)
    how = " beside the webhook (control.door both)" if path == BOTH else " alone (control.door native)"
    off = ", and as webhook.yaml says" if path == BOTH else ""
    head = NATIVE_HEAD.format(
        how=how, name=f"{path.name} -f knative/webhook.yaml" if path == BOTH else path.name, off=off
    )
    return head + yaml.safe_dump_all(made, sort_keys=False, width=140)


def renewed(name: str) -> str:
    """The text of the page with a new generated part."""
    text = (DOCS / name).read_text(encoding="utf-8")
    part = f"<!-- generated: begin -->\n{GENERATED[name]()}\n<!-- generated: end -->"
    return re.sub(r"<!-- generated: begin -->.*<!-- generated: end -->", lambda _: part, text, flags=re.DOTALL)


def main() -> None:
    for name in GENERATED:
        (DOCS / name).write_text(renewed(name), encoding="utf-8")
    TIME_ZONES.write_text(time_zones(), encoding="utf-8")
    DEFINITION.write_text(definition(), encoding="utf-8")
    for path in (NATIVE, BOTH):
        path.write_text(native_policies(path), encoding="utf-8")


if __name__ == "__main__":
    main()
