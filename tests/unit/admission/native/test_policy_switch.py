"""Which of policies and bindings in a cluster are in force."""

from __future__ import annotations

import pytest

from kubedoor.admission.native.policy_switch import is_any_in_force


@pytest.mark.parametrize(
    ("found", "is_in_force"),
    [
        ((1, 1, 1, 1), True),
        ((1, 1, 1, None), True),
        ((1, 1, None, None), False),
        ((None, None, 1, 1), False),
        ((1, None, None, 1), False),
        ((None, None, None, None), False),
    ],
)
def test_only_a_policy_with_its_binding_is_in_force(found: tuple[int | None, ...], is_in_force: bool) -> None:
    """`kubectl delete` of the bindings, as the documentation has it, is off, and not a part of the policies."""
    assert is_any_in_force(found) is is_in_force
