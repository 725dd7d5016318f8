"""The documents say what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from kubedoor.config import settings
from scripts.documents import (
    BOTH,
    DEFINITION,
    DOCS,
    GENERATED,
    NATIVE,
    ROOT,
    TIME_ZONES,
    definition,
    native_policies,
    renewed,
    time_zones,
)
from tests.support import markdown

PAGES = [*ROOT.glob("README*.md"), *DOCS.rglob("*.md")]
CHINESE = [page for page in PAGES if page.name.endswith(".zh-CN.md")]
GUIDES = ("operators", "administrators", "values", "gitops", "glossary")
"""Pages in both languages that speak of the screen."""
TOOLBOX_SETTING = "KUBEDOOR_TOOLBOX"
"""Of the tests' toolbox, so none of KubeDoor's own."""


def english(page: Path) -> Path:
    return page.with_name(page.name.replace(".zh-CN", ""))


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_generated_parts_are_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == renewed(name), "run `make settings-doc`"


def test_the_chart_knows_the_time_zones_that_kubedoor_knows() -> None:
    assert TIME_ZONES.read_text(encoding="utf-8") == time_zones(), "run `make settings-doc`"


def test_the_chart_has_the_kind_of_the_parameters_as_the_code_has_it() -> None:
    assert DEFINITION.read_text(encoding="utf-8") == definition(), "run `make settings-doc`"
    for path in (NATIVE, BOTH):
        assert path.read_text(encoding="utf-8") == native_policies(path), "run `make settings-doc`"


def test_every_make_target_that_is_spoken_of_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    spoken_of = {target for page in PAGES for target in re.findall(r"`make ([a-z-]+)`", page.read_text())}
    assert spoken_of <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    for link in markdown.links(page.read_text(encoding="utf-8")):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in markdown.anchors(target.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_is_spoken_of_exists(page: Path) -> None:
    there_are = {row.variable for row in settings.table()} | {TOOLBOX_SETTING}
    assert set(re.findall(r"KUBEDOOR_[A-Z][A-Z_]*[A-Z]", page.read_text(encoding="utf-8"))) <= there_are


def test_every_chinese_page_has_an_english_one() -> None:
    assert {page.name for page in CHINESE} == {f"{name}.zh-CN.md" for name in ("README", *GUIDES)}
    assert all(english(page).exists() for page in CHINESE)


@pytest.mark.parametrize("page", CHINESE, ids=lambda page: page.name)
def test_both_languages_say_the_same_under_the_same_headings(page: Path) -> None:
    ours, theirs = (one.read_text(encoding="utf-8") for one in (page, english(page)))
    assert [depth for depth, _ in markdown.headings(ours)] == [depth for depth, _ in markdown.headings(theirs)]
    assert uncommented(ours) == uncommented(theirs)
    assert markdown.tables(ours) == markdown.tables(theirs)


def uncommented(text: str) -> list[tuple[str, str]]:
    """The code blocks; remarks in them are in the language of the page."""
    return [(language, re.sub(r" +# .*", "", content)) for language, content in markdown.blocks(text)]


@pytest.mark.parametrize("page", CHINESE, ids=lambda page: page.name)
def test_each_language_links_to_the_other(page: Path) -> None:
    assert english(page).name in markdown.links(page.read_text(encoding="utf-8"))
    assert page.name in markdown.links(english(page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [f"{name}{end}" for name in GUIDES for end in (".md", ".zh-CN.md")])
def test_words_of_the_screen_are_on_the_screen(page: str) -> None:
    shown = words_of_the_screen("zh-CN" if ".zh-CN." in page else "en")
    assert set(markdown.bold((DOCS / page).read_text(encoding="utf-8"))) <= shown


def words_of_the_screen(locale: str) -> set[str]:
    """What the pages' texts say, each form of a plural on its own."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "web" / "src" / "locales" / locale).glob("*.ts")]
    texts = [text for source in sources for text in re.findall(r'"((?:[^"\\]|\\.)*)"', source)]
    return {form.strip() for text in texts for form in text.split(" | ")}


def test_the_architecture_names_every_room_and_only_files_that_exist() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    rooms = {folder.name for folder in (ROOT / "kubedoor").iterdir() if (folder / "__init__.py").is_file()}
    assert set(re.findall(r"^\| `kubedoor/([a-z_]+)` \|", page, re.MULTILINE)) == rooms
    named = set(re.findall(r"`((?:kubedoor|functions|scripts|tests)/[\w/]+\.py)`", page))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["local"]]
    names = {re.split(r"[^A-Za-z0-9-]", one)[0] for one in wanted}
    rows = re.findall(r"^\| (`.*?) \|", (DOCS / "dependencies.md").read_text(), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([A-Za-z0-9-]+)`", row)} - {"local"} == names
