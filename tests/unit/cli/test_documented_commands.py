"""Every `kubedoor …` command in the documents is valid, with its options and values."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import typer

from kubedoor.cli import application
from scripts.documents import DOCS, ROOT
from tests.support import markdown

PAGES = [*ROOT.glob("README*.md"), *DOCS.rglob("*.md")]
_IN_A_LINE = re.compile(r"(?:^|\| *|\$ |-- )(?:python -m )?kubedoor ([^|#;&<>]+)")
_IN_A_SPAN = re.compile(r"^(?:python -m )?kubedoor (\S.*)$")
_PLACEHOLDER = re.compile(r"\b[A-Z]+\b")


def in_blocks(text: str) -> Iterator[str]:
    for _, content in markdown.blocks(text):
        for line in content.splitlines():
            yield from (found.strip() for found in _IN_A_LINE.findall(line.strip()))


def in_spans(text: str) -> Iterator[str]:
    for span in markdown.spans(text):
        if found := _IN_A_SPAN.match(span):
            yield from variants(found[1])


def in_table(text: str) -> Iterator[str]:
    """Commands in the table of cli.md, which omits the word `kubedoor`."""
    table = text.split("| command | |\n")[1].split("\n\n")[0]
    for row in table.splitlines()[1:]:
        for span in markdown.spans(row.replace("\\|", "\0").split("|")[1].replace("\0", "\\|")):
            yield from variants(span)


def variants(usage: str) -> list[str]:
    """`control on|off` gives two commands; brackets and dots are removed, placeholders replaced."""
    words = [word for word in usage.replace("[", "").replace("]", "").replace("…", "").split() if word]
    choices = [[_PLACEHOLDER.sub("1", one) for one in word.split("|")] for word in words]
    return [" ".join(chosen) for chosen in product(*choices)]


def found_by(find: Callable[[str], Iterator[str]], pages: list[Path]) -> list[tuple[str, str]]:
    return sorted({(page.name, command) for page in pages for command in find(page.read_text(encoding="utf-8"))})


ROOT_COMMAND: Any = typer.main.get_command(application())


def parse(words: list[str], *, may_be_bare: bool = False) -> None:
    """Raises the error of the command line for these words. `may_be_bare`: arguments may be missing."""
    command: Any = ROOT_COMMAND
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, f"there is no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    if not may_be_bare or (words and not hasattr(command, "commands")):
        command.make_context(command.name, words)


@pytest.mark.parametrize(("page", "command"), found_by(in_blocks, PAGES))
def test_a_command_in_a_code_block_is_valid(page: str, command: str) -> None:
    parse(shlex.split(command))


@pytest.mark.parametrize(("page", "command"), [*found_by(in_spans, PAGES), *found_by(in_table, [DOCS / "cli.md"])])
def test_a_command_in_the_text_exists(page: str, command: str) -> None:
    parse(shlex.split(command), may_be_bare=True)


@pytest.mark.parametrize(
    "command",
    [
        "colect",
        "report --asked much",
        "report --askd over",
        "control",
        "act shrink shop/web",
        "tokens create ci --days often",
    ],
)
def test_an_invalid_command_is_detected(command: str) -> None:
    with pytest.raises((AssertionError, typer.BadParameter.__mro__[1])):
        parse(command.split())


def test_the_table_of_cli_md_has_every_command() -> None:
    named = {command.split()[0] for command in in_table((DOCS / "cli.md").read_text(encoding="utf-8"))}
    assert named == set(ROOT_COMMAND.commands)
