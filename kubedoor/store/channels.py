"""Notification channels in append-only versions, and the messages sent to them.

A message is claimed before it is sent: of several senders the first to write its number in the stream wins.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from kubedoor.errors import Conflict
from kubedoor.sentences import Sentence, sentence
from kubedoor.store.connection import Connection, Row
from kubedoor.store.said import read_said, said_column

_COLUMNS = (
    "channel, version, name, url, service, events, min_minutes, language, enabled, deleted, changed_by, changed_at,"
    " keyword"
)


@dataclass(frozen=True)
class Channel:
    """`url` is a secret, so the repr omits it."""

    channel: str
    name: str
    url: str = field(repr=False)
    service: str
    events: tuple[str, ...]
    min_minutes: int
    language: str
    enabled: bool = True
    deleted: bool = False
    changed_by: str = ""
    changed_at: datetime | None = None
    version: int = 0
    keyword: str = ""
    """A word that is put into every message, because the channel's robot refuses messages without it."""


@dataclass(frozen=True)
class SentMessage:
    """One message of a channel's stream; `number` is its position in the stream."""

    channel: str
    stream: str
    number: int
    message: uuid.UUID
    since: datetime
    until: datetime
    notices: int
    title: str
    begun_at: datetime


class ChannelStore:
    """Channels of one cluster."""

    def __init__(self, connection: Connection, cluster: str) -> None:
        self._connection = connection
        self._cluster = cluster

    def all(self) -> list[Channel]:
        rows = self._connection.rows(
            f"SELECT {_COLUMNS} FROM channels WHERE cluster = {{cluster:String}} AND NOT deleted ORDER BY name, channel",
            cluster=self._cluster,
        )
        return [Channel(**{**row, "events": tuple(row["events"])}) for row in rows]

    def one(self, channel: str) -> Channel | None:
        return next((one for one in self.all() if one.channel == channel), None)

    def save(self, channel: Channel) -> Channel:
        """Write the next version. Raises Conflict if `channel.version` is stale."""
        next_version = replace(channel, version=channel.version + 1)
        edit = uuid.uuid4()
        row = {
            **{name: value for name, value in asdict(next_version).items() if name != "changed_at"},
            "cluster": self._cluster,
            "edit": edit,
            "events": list(next_version.events),
        }
        token = f"{self._cluster}/{channel.channel}/{next_version.version}"
        self._connection.insert("channel_versions", [row], token=token)
        winner = self._connection.rows(
            "SELECT edit FROM channel_versions WHERE cluster = {cluster:String} AND channel = {channel:String}"
            " AND version = {version:UInt32} ORDER BY edit LIMIT 1",
            cluster=self._cluster,
            channel=channel.channel,
            version=next_version.version,
        )
        if not winner or winner[0]["edit"] != edit:
            raise Conflict(sentence("channels.changed_meanwhile", name=channel.name))
        return next_version

    def claim(self, sent: SentMessage) -> bool:
        """Claim the message for sending; False if another sender has claimed it."""
        token = f"{self._cluster}/{sent.channel}/{sent.stream}/{sent.number}"
        self._connection.insert("channel_messages", [{"cluster": self._cluster, **asdict(sent)}], token=token)
        winner = self._connection.rows(
            "SELECT message FROM channel_messages WHERE cluster = {cluster:String} AND channel = {channel:String}"
            " AND stream = {stream:String} AND number = {number:UInt32} ORDER BY message LIMIT 1",
            cluster=self._cluster,
            channel=sent.channel,
            stream=sent.stream,
            number=sent.number,
        )
        return bool(winner) and winner[0]["message"] == sent.message

    def record_result(self, message: uuid.UUID, *, ok: bool, detail: Sentence) -> None:
        row = {"cluster": self._cluster, "message": message, "ok": ok, "detail": detail}
        row["detail_said"] = said_column(detail)
        self._connection.insert("channel_results", [row])

    def messages(self, channels: Sequence[str], *, limit: int) -> list[Row]:
        """Messages of these channels, newest first. `ok` is None while there is no result."""
        rows = self._connection.rows(
            "SELECT m.channel AS channel, m.stream AS stream, m.number AS number, m.since AS since, m.until AS until,"
            " m.notices AS notices, m.title AS title, m.begun_at AS begun_at, r.ok AS ok, r.detail AS detail,"
            " r.detail_said AS detail_said"
            " FROM channel_messages AS m LEFT JOIN channel_results AS r"
            " ON m.cluster = r.cluster AND m.message = r.message"
            " WHERE m.cluster = {cluster:String} AND m.channel IN {channels:Array(String)}"
            " ORDER BY m.begun_at DESC, m.number DESC LIMIT {limit:UInt32} SETTINGS join_use_nulls = 1",
            cluster=self._cluster,
            channels=list(channels),
            limit=limit,
        )
        return [_with_detail(row) for row in rows]

    def newest(self, channel: str, stream: str) -> list[Row]:
        """The newest 50 messages of the stream, newest first: enough to limit the rate."""
        return self._connection.rows(
            "SELECT m.number AS number, m.message AS message, m.since AS since, m.until AS until, m.begun_at AS begun_at, r.ok AS ok"
            " FROM channel_messages AS m LEFT JOIN channel_results AS r"
            " ON m.cluster = r.cluster AND m.message = r.message"
            " WHERE m.cluster = {cluster:String} AND m.channel = {channel:String} AND m.stream = {stream:String}"
            " ORDER BY m.number DESC LIMIT 50 SETTINGS join_use_nulls = 1",
            cluster=self._cluster,
            channel=channel,
            stream=stream,
        )


def _with_detail(row: Row) -> Row:
    text, said = row["detail"], row.pop("detail_said")
    row["detail"] = None if text is None else read_said(text, said)
    return row
