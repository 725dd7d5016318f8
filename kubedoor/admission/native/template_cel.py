"""Whether two pod templates differ in more than KubeDoor's numbers and the spelling of quantities: as CEL. Pure.

Both are written anew with their quantities as numbers and without what KubeDoor controls, then compared as a whole. So
no field of a template needs to be known here but those that are quantities.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from kubedoor.admission.restarts import CONTAINER_KINDS, QUANTITY_TREE

_LISTS = frozenset({*CONTAINER_KINDS, "env", "volumes", "items", "sources"})
_Tree = Mapping[str, Any]


def differs_beyond_numbers(new: str, old: str) -> str:
    """`new`, `old`: pod templates."""
    images = "{}.spec.containers.map(c, c.?image.orValue(''))"
    return f"{images.format(new)} != {images.format(old)} || {_normal_template(new)} != {_normal_template(old)}"


def _normal_template(template: str) -> str:
    spec = dict(QUANTITY_TREE["spec"])
    labels = "m.transformMap(l, v, l != 'pod-template-hash', v)"
    metadata = f"x.transformMap(k, m, k != 'labels' || m.exists(l, l != 'pod-template-hash'), k == 'labels' ? dyn({labels}) : dyn(m))"
    return (
        f"{template}.transformMap(k, x, k == 'metadata' ? dyn({metadata})"
        f" : k == 'spec' ? dyn({_Writer().of_map('x', spec, controlled=CONTAINER_KINDS)}) : dyn(x))"
    )


class _Writer:
    """Gives every comprehension variables of its own."""

    def __init__(self) -> None:
        self._numbers = count()

    def of(self, value: str, tree: _Tree) -> str:
        if not tree:
            return f"quantity(string({value}))"
        if "*" in tree:
            key, one = self._pair()
            return f"{value}.transformMap({key}, {one}, {self.of(one, tree['*'])})"
        return self.of_map(value, tree)

    def of_map(self, value: str, tree: _Tree, controlled: tuple[str, ...] = ()) -> str:
        key, one = self._pair()
        branches = [
            f"{key} == '{name}' ? dyn({self._of_field(one, name, sub, name in controlled)})"
            for name, sub in tree.items()
        ]
        return f"{value}.transformMap({key}, {one}, {' : '.join(branches)} : dyn({one}))"

    def _of_field(self, value: str, name: str, tree: _Tree, is_controlled: bool) -> str:
        if name not in _LISTS:
            return self.of(value, tree)
        _, one = self._pair()
        if not is_controlled:
            return f"{value}.map({one}, {self.of(one, tree)})"
        container = self._of_container(one, tree)
        if name == "initContainers":
            # A plain init container is not controlled, so its numbers count.
            container = f"{one}.?restartPolicy.orValue('') == 'Always' ? dyn({container}) : dyn({self.of(one, tree)})"
        return f"{value}.map({one}, {container})"

    def _of_container(self, value: str, tree: _Tree) -> str:
        """Without the four fields, and without parts that have nothing else."""
        key, one = self._pair()
        rest = {name: sub for name, sub in tree.items() if name != "resources"}
        branches = [f"{key} == 'resources' ? dyn({self._other_amounts(one)})"]
        branches += [f"{key} == '{name}' ? dyn({self._of_field(one, name, sub, False)})" for name, sub in rest.items()]
        return f"{value}.transformMap({key}, {one}, {' : '.join(branches)} : dyn({one}))"

    def _other_amounts(self, value: str) -> str:
        (part, amounts), (name, quantity) = self._pair(), self._pair()
        is_part = f"{part} == 'requests' || {part} == 'limits'"
        is_other = f"{name} != 'cpu' && {name} != 'memory'"
        numbers = f"{amounts}.transformMap({name}, {quantity}, {is_other}, quantity(string({quantity})))"
        return (
            f"{value}.transformMap({part}, {amounts}, !({is_part}) || {amounts}.exists({name}, {is_other}),"
            f" {is_part} ? dyn({numbers}) : dyn({amounts}))"
        )

    def _pair(self) -> tuple[str, str]:
        number = next(self._numbers)
        return f"k{number}", f"x{number}"
