"""Checks that `kubedoor/` and `functions/` have no import cycles.

python -m scripts.import_circles

All imports count, also those inside functions and under TYPE_CHECKING. With a cycle, the exit code is 1.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("kubedoor", "functions")


def modules() -> dict[str, Path]:
    """The file of every module, by dotted name; that of a package is its `__init__.py`."""
    files = (file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py")))
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def imported(module: str, file: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules in `known` that one module imports."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{origin}.{alias.name}"
                if whole in known:
                    yield whole
                elif origin in known:
                    yield origin


def cycle() -> list[str]:
    """One import cycle, with its first module repeated at the end; empty: none."""
    known = modules()
    graph = {module: set(imported(module, file, known)) - {module} for module, file in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def main() -> int:
    found = cycle()
    print(f"import cycle: {' <- '.join(found)}" if found else f"no import cycle among {len(modules())} modules")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
