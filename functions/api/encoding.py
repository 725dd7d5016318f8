"""Answers of hundreds of rows: encoded as they are, because to check them against their model takes longer than to make them.

Tests check them instead, of each route that answers so.
"""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Response


def encoded(**answer: Any) -> Response:
    """The fields of an answer whose route names its model; times are aware, and end in `Z` as everywhere in the API."""
    return Response(orjson.dumps(answer, option=orjson.OPT_UTC_Z), media_type="application/json")
