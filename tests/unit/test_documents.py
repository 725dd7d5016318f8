"""The documents say what the code does."""

from __future__ import annotations

import re

import pytest

from scripts.documents import DOCS, GENERATED, ROOT, renewed


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_generated_parts_are_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == renewed(name), "run `make settings-doc`"


def test_every_make_target_that_is_spoken_of_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = [ROOT / "README.md", *DOCS.glob("*.md")]
    spoken_of = {target for page in pages for target in re.findall(r"`make ([a-z-]+)`", page.read_text())}
    assert spoken_of <= targets


def test_every_link_leads_somewhere() -> None:
    for page in (ROOT / "README.md", *DOCS.glob("*.md"), *DOCS.glob("decisions/*.md")):
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_modules_of_the_architecture_exist() -> None:
    table = (DOCS / "architecture.md").read_text().split("| layer | modules |")[1].split("\n\n")[0]
    for name in re.findall(r"`([a-z_]+)`", table):
        if name not in ("requests", "kubernetes"):
            assert (ROOT / "kubedoor" / f"{name}.py").exists(), name
