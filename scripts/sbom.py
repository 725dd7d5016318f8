"""Writes a software bill of materials: every package of the image and of the web UI, from the lock files, as CycloneDX.

python -m scripts.sbom build/sbom.json
"""

from __future__ import annotations

import base64
import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import kubedoor
from scripts import lock_files
from scripts.base_images import base_images
from scripts.lock_files import ROOT

PACKAGE_LOCK = ROOT / "web" / "package-lock.json"


def document() -> dict[str, Any]:
    """The same lock files give the same document: it has no time."""
    components = [*_python(), *_web(), *_images()]
    content = json.dumps(components, sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "kubedoor",
                "name": "kubedoor",
                "version": kubedoor.__version__,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
    }


def _python() -> Iterator[dict[str, Any]]:
    for one in lock_files.pinned(lock_files.IMAGE):
        if one.is_in_the_image:
            yield _component("library", one.name, one.version, f"pkg:pypi/{one.name}@{quote(one.version)}")


def _web() -> Iterator[dict[str, Any]]:
    """What is built into the pages; tools that only build them are left out."""
    packages = json.loads(PACKAGE_LOCK.read_text(encoding="utf-8"))["packages"]
    for path, package in sorted(packages.items()):
        if not path or package.get("dev") or package.get("optional"):
            continue
        name = path.rpartition("node_modules/")[2]
        address = f"pkg:npm/{quote(name, safe='/')}@{quote(package['version'])}"
        component = _component("library", name, package["version"], address)
        algorithm, _, digest = package.get("integrity", "").partition("-")
        if algorithm == "sha512":
            component["hashes"] = [{"alg": "SHA-512", "content": base64.b64decode(digest).hex()}]
        yield component


def _images() -> Iterator[dict[str, Any]]:
    for image in base_images():
        address = f"pkg:docker/{image.name}@{quote(image.digest, safe='')}?tag={image.tag}"
        component = _component("container", image.name, image.tag, address)
        component["hashes"] = [{"alg": "SHA-256", "content": image.digest.removeprefix("sha256:")}]
        yield component


def _component(kind: str, name: str, version: str, address: str) -> dict[str, Any]:
    return {"type": kind, "bom-ref": address, "name": name, "version": version, "purl": address}


def main() -> None:
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    bill = document()
    target.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
    print(f"{target}: {len(bill['components'])} components")


if __name__ == "__main__":
    main()
