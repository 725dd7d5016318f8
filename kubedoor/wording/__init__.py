"""The catalogue of sentences: code -> English text with the names of its parameters. Data only.

A code is `room.name`; codes are stored in records and are never given another meaning. `{pods:pod|pods}` chooses a word by
a number. The Chinese texts are in web/src/locales/zh-CN/sentences, in files of the same names with the same codes.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubedoor.wording.channels import CHANNELS
from kubedoor.wording.checkup import CHECKUP
from kubedoor.wording.cluster import CLUSTER
from kubedoor.wording.collection import COLLECTION
from kubedoor.wording.common import COMMON
from kubedoor.wording.door import DOOR
from kubedoor.wording.operations import OPERATIONS
from kubedoor.wording.people import PEOPLE
from kubedoor.wording.prometheus import PROMETHEUS
from kubedoor.wording.requests import REQUESTS
from kubedoor.wording.schedules import SCHEDULES
from kubedoor.wording.sizing import SIZING
from kubedoor.wording.workloads import WORKLOADS

CATALOGUE: Mapping[str, str] = {
    **CHANNELS,
    **CHECKUP,
    **CLUSTER,
    **COLLECTION,
    **COMMON,
    **DOOR,
    **OPERATIONS,
    **PEOPLE,
    **PROMETHEUS,
    **REQUESTS,
    **SCHEDULES,
    **SIZING,
    **WORKLOADS,
}
