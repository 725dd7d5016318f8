"""What the Dockerfile promises, as far as it can be read; building it needs a registry."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts import lock_files, sbom
from scripts.base_images import base_images, newest, renewed

ROOT = Path(__file__).parents[3]
LINES = [line for line in (ROOT / "functions" / "Dockerfile").read_text().splitlines() if not line.startswith("#")]


def instructions(name: str) -> list[str]:
    return [line.split(maxsplit=1)[1] for line in LINES if line.startswith(f"{name} ")]


def test_it_runs_as_a_user_whom_kubernetes_can_tell_from_root() -> None:
    assert instructions("USER") == ["10001:10001"]


def test_its_server_believes_no_proxy_by_itself() -> None:
    # KUBEDOOR_TRUSTED_PROXIES says who is believed; gunicorn and uvicorn would believe everybody on loopback.
    text = (ROOT / "functions" / "Dockerfile").read_text()
    assert 'FORWARDED_ALLOW_IPS=""' in text.split("ENV ")[-1]


def test_its_user_has_a_home_that_can_be_written() -> None:
    # gunicorn's control socket is there; in / it would log an error at each start.
    assert "HOME=/tmp" in (ROOT / "functions" / "Dockerfile").read_text().split("ENV ")[-1]


def test_its_command_is_a_list_so_that_signals_arrive() -> None:
    assert instructions("CMD") == ['["functions-framework"]']


def test_what_it_copies_is_there_and_is_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for words in instructions("COPY"):
        if words.startswith("--from"):
            continue
        for source in words.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source.split("/")[0] in allowed


def test_every_package_is_installed_by_its_hash() -> None:
    installs = re.findall(r"pip (?:install|wheel) [^&\n]+", "\n".join(LINES).replace("\\\n", ""))
    assert len(installs) == 4
    for install in installs:
        # What is built here from the checkout comes from no index; with no isolation, its build takes nothing from one.
        is_built_here = "--no-deps" in install and ("--no-index" in install or "--no-build-isolation" in install)
        assert "--require-hashes" in install or is_built_here, install
    for lock in (lock_files.IMAGE, lock_files.BUILD, lock_files.EVERYTHING):
        packages = list(lock_files.pinned(lock))
        assert len(packages) > 4
        assert all(one.hashes and all(name.startswith("sha256:") for name in one.hashes) for one in packages)


def test_the_image_has_what_was_tested_and_nothing_for_development() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tested = {one.name: one.version for one in lock_files.pinned(lock_files.EVERYTHING)}
    in_image = {one.name: one.version for one in lock_files.pinned(lock_files.IMAGE)}
    assert in_image.items() < tested.items(), "run `make lock`"
    assert {canonical(one) for one in project["project"]["dependencies"]} <= in_image.keys()
    assert not {"chdb", "mypy", "pytest", "ruff"} & in_image.keys()
    build = {one.name for one in lock_files.pinned(lock_files.BUILD)}
    assert {canonical(one) for one in project["build-system"]["requires"]} <= build


def canonical(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")


def test_base_images_are_pinned_by_digest() -> None:
    names = {image.name: image.tag for image in base_images()}
    assert names == {"python": "3.12-slim", "node": "22-slim"}
    assert instructions("FROM") == ["${NODE_IMAGE} AS web", "${PYTHON_IMAGE} AS packages", "${PYTHON_IMAGE}"]
    new = renewed("ARG PYTHON_IMAGE=python:3.12-slim@sha256:" + "0" * 64, {"python:3.12-slim": "sha256:" + "1" * 64})
    assert new == "ARG PYTHON_IMAGE=python:3.12-slim@sha256:" + "1" * 64


def test_a_digest_is_what_the_registry_says_or_stays() -> None:
    image = base_images()[0]
    assert newest(image, lambda _: f"{'sha256:' + 'a' * 64}\n") == "sha256:" + "a" * 64

    def nobody(_: Sequence[str]) -> str:
        raise FileNotFoundError

    with pytest.raises(LookupError, match="its digest stays"):
        newest(image, nobody)


def test_the_bill_of_materials_has_every_package_and_base_image() -> None:
    bill = sbom.document()
    assert bill == sbom.document(), "it is reproducible"
    found = {one["purl"] for one in bill["components"]}
    assert len(found) == len(bill["components"]) == len({one["bom-ref"] for one in bill["components"]})
    for one in lock_files.pinned(lock_files.IMAGE):
        assert (f"pkg:pypi/{one.name}@{one.version}" in found) == one.is_in_the_image
    assert any(one.startswith("pkg:npm/vue@") for one in found)
    assert any(one.startswith("pkg:npm/%40intlify/") for one in found)
    assert not any(one.startswith(("pkg:npm/eslint@", "pkg:pypi/chdb@", "pkg:pypi/colorama@")) for one in found)
    assert {one["name"] for one in bill["components"] if one["type"] == "container"} == {"python", "node"}
