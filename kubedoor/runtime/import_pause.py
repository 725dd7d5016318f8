"""Garbage collection pauses while a function is imported: import this first, and call `end` after the last import.

What is imported stays, but the collector would go through all of it again and again: a twentieth of a cold start.
"""

from __future__ import annotations

import gc

gc.disable()


def end() -> None:
    """Collect garbage again, of what is made from now on."""
    gc.freeze()
    gc.enable()
