"""Proves that no two modules of `kubedoor/` or `functions/` import each other, directly or in a circle.

python -m scripts.import_circles

Every import counts: those inside functions and those for type checking only, too. Exit code 1 names the circle.
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
    """Every module by its dotted name; a package has the name of its folder."""
    files = (file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py")))
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def imported(module: str, file: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules that one module imports, as far as they are `known`."""
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


def circle() -> list[str]:
    """One circle of imports, its first module repeated at its end; empty when there is none."""
    known = modules()
    graph = {module: set(imported(module, file, known)) - {module} for module, file in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def main() -> int:
    found = circle()
    print(f"imports in a circle: {' <- '.join(found)}" if found else f"no circle among {len(modules())} modules")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
