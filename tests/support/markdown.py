"""Extracts headings, anchors, links, tables and code from Markdown."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")
_BOLD = re.compile(r"\*\*(.+?)\*\*")


def blocks(text: str) -> list[tuple[str, str]]:
    """(language, content) of every fenced code block."""
    return [(language, content) for _, language, content in _FENCE.findall(text)]


def prose(text: str) -> str:
    """The text without fenced code blocks."""
    return _FENCE.sub("", text)


def spans(text: str) -> list[str]:
    """Inline code; a bar that is escaped for a table is unescaped."""
    return [span.replace("\\|", "|") for span in _SPAN.findall(prose(text))]


def bold(text: str) -> list[str]:
    return _BOLD.findall(_SPAN.sub("", prose(text)))


def headings(text: str) -> list[tuple[int, str]]:
    """(level, title) of every heading."""
    return [(len(marks), title) for marks, title in _HEADING.findall(prose(text))]


def tables(text: str) -> list[tuple[int, int]]:
    """(columns, rows) of every table."""
    found = re.findall(r"(?:^\|.*\|$\n?)+", prose(text), re.MULTILINE)
    return [(len(re.split(r"(?<!\\)\|", rows.splitlines()[0])) - 2, len(rows.splitlines()) - 2) for rows in found]


def links(text: str) -> list[str]:
    return [target for _, target in _LINK.findall(_SPAN.sub("", prose(text)))]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub and GitLab generate for the headings."""
    return set(_numbered(_anchor(title) for _, title in headings(text)))


def _anchor(title: str) -> str:
    plain = _LINK.sub(r"\1", title).lower()
    kept = (one for one in plain if one in " -_" or unicodedata.category(one)[0] in "LNM")
    return "".join(kept).replace(" ", "-")


def _numbered(names: Iterator[str]) -> Iterator[str]:
    """Duplicate headings get the suffixes `-1`, `-2` and so on."""
    seen: Counter[str] = Counter()
    for name in names:
        yield f"{name}-{seen[name]}" if seen[name] else name
        seen[name] += 1
