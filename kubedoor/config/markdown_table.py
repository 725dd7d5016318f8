"""The settings as a Markdown table, for docs/settings.md and `kubedoor settings`."""

from __future__ import annotations

from kubedoor.config import settings


def settings_table() -> str:
    """A secret's default is not shown."""
    lines = ["| variable | default | meaning | example |", "|---|---|---|---|"]
    for row in settings.table():
        default = f"`{row.default}`" if row.default and not row.is_secret else ""
        meaning = f"{row.meaning} **Secret.**" if row.is_secret else row.meaning
        lines.append(f"| `{row.variable}` | {default} | {meaning} | `{row.example}` |")
    return "\n".join(lines)
