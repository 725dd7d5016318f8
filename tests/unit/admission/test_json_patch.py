from __future__ import annotations

import pytest

from kubedoor.admission.json_patch import difference
from kubedoor.errors import KubeDoorError


def test_a_patch_has_only_add_remove_and_replace() -> None:
    before, after = {"a": {"x": 1}, "b": {}}, {"a": {}, "b": {"y": 1}}
    assert {operation["op"] for operation in difference(before, after)} <= {"add", "remove", "replace"}
    assert difference(before, before) == []


def test_a_patch_that_does_not_produce_the_object_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubedoor.admission.json_patch.jsonpatch.apply_patch", lambda *_: {})
    with pytest.raises(KubeDoorError, match="does not give the object"):
        difference({"a": 1}, {"a": 2})
