"""Writes the API's OpenAPI document to web/openapi.json; with --check, says whether the committed one is still right."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "web" / "openapi.json"


def document() -> str:
    """The document as the code has it, in a form that gives small diffs."""
    sys.path.insert(0, str(ROOT))
    from functions.api.app import create_app

    app = create_app(lambda: None)  # type: ignore[arg-type, return-value]
    return json.dumps(app.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    """0 fine, 1 the committed document is not what the code says."""
    wanted = document()
    if "--check" not in sys.argv[1:]:
        DOCUMENT.write_text(wanted, encoding="utf-8")
        return 0
    if DOCUMENT.is_file() and DOCUMENT.read_text(encoding="utf-8") == wanted:
        return 0
    print("web/openapi.json is not what the API says: run `npm run openapi` in web/", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
