"""Channels and their notifications: polls the stores for events, groups them into messages, rate limits and sends them.

Each message is claimed in the store before it is sent (compare-and-set), so that several pods send it once. A message
whose result nobody recorded (its sender may have crashed before or after it was sent) is sent again with the same mark.
At most one message per channel is sent at a time, each in a thread: a slow channel blocks neither `tick` nor the others.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kubedoor.errors import Conflict, InvalidInput, KubeDoorError, NotFound
from kubedoor.identity.audit import Editor, audited
from kubedoor.model.events import Event, Notice, Stream
from kubedoor.notifications.channel import NotDelivered, send
from kubedoor.notifications.channel_settings import audit_view, validated
from kubedoor.notifications.message import (
    LANGUAGES,
    STREAMS,
    Message,
    build_message,
    mark_of,
    quiet_period,
    trial_message,
)
from kubedoor.notifications.targets import Targets
from kubedoor.sentences import NOTHING, sentence
from kubedoor.store.channels import Channel, ChannelStore, SentMessage
from kubedoor.store.connection import Row
from kubedoor.store.events import EventStore
from kubedoor.store.records import RecordStore

log = logging.getLogger(__name__)

MAX_CHANNELS = 50
MAX_TITLE_CLUSTERS = 3
SENDERS = MAX_CHANNELS + 4
"""Threads: one for each channel, and some for test messages."""
RESULT_AFTER = timedelta(minutes=2)
"""A message without a result for this long is sent again; the pause doubles with every time."""
SETTLE_DELAY = timedelta(seconds=5)
"""Newer events are not read yet: a record is written a moment after its event."""
REREAD = timedelta(minutes=10)
"""How much of a window without events is read again: admissions are recorded late after an outage of the store."""
MAX_WINDOW = timedelta(hours=24)
"""Older events are not sent any more, for example after an outage of the channel."""
TEST_SECONDS = 30.0
CERTIFICATE_DAYS = 14


class Notifications:
    """`events`: by cluster. `certificate_days`: until the home cluster's webhook certificate expires; None: unknown."""

    def __init__(
        self,
        *,
        cluster_name: str,
        store: ChannelStore,
        events: Mapping[str, EventStore],
        records: RecordStore,
        certificate_days: Callable[[], int | None],
        now: Callable[[], datetime],
        targets: Targets | None = None,
        send: Callable[[str, str, str, Targets], None] = send,
    ) -> None:
        self._cluster_name = cluster_name
        self._store = store
        self._events = events
        self._records = records
        self._certificate_days = certificate_days
        self._now = now
        self._targets = targets or Targets()
        self._send = send
        self._lock = threading.Lock()
        self._senders: ThreadPoolExecutor | None = None
        self._sending: set[str] = set()
        self._empty_until: dict[tuple[str, int, Stream], datetime] = {}
        self._quiet_until: dict[tuple[str, Stream], datetime] = {}

    # Channels

    def all(self) -> list[Channel]:
        return self._store.all()

    def one(self, channel: str) -> Channel:
        """Raises NotFound."""
        if (stored := self._store.one(channel)) is None:
            raise NotFound(sentence("channels.none", channel=channel))
        return stored

    def create(self, fields: Mapping[str, Any], editor: Editor) -> Channel:
        """Raises Conflict, InvalidInput naming the field."""
        if len(self._store.all()) >= MAX_CHANNELS:
            raise Conflict(sentence("channels.too_many", most=MAX_CHANNELS))
        blank = Channel(uuid.uuid4().hex[:12], "", "", "", (), 15, LANGUAGES[0], changed_by=editor.who)
        channel = validated(blank, fields, self._targets)
        with audited(self._records, editor, "channel.create", channel.name, after=audit_view(channel)):
            self._store.save(channel)
        return self.one(channel.channel)

    def change(
        self, channel: str, fields: Mapping[str, Any], editor: Editor, *, based_on: int | None = None
    ) -> Channel:
        """Absent fields stay as they are. Raises NotFound, InvalidInput, Conflict when `based_on` is not its version."""
        before = self.one(channel)
        if based_on not in (None, before.version):
            message = sentence("channels.changed_meanwhile", name=before.name)
            raise Conflict(message, version=before.version)
        after = validated(replace(before, changed_by=editor.who), fields, self._targets)
        view = {**audit_view(after), "url_changed": after.url != before.url}
        with audited(self._records, editor, "channel.change", after.name, before=audit_view(before), after=view):
            self._store.save(after)
        return self.one(channel)

    def delete(self, channel: str, editor: Editor) -> None:
        """Raises NotFound, Conflict."""
        before = self.one(channel)
        with audited(self._records, editor, "channel.delete", before.name, before=audit_view(before)):
            # The URL is a secret, so it is deleted too.
            self._store.save(replace(before, deleted=True, url="", changed_by=editor.who))

    def test(self, channel: str) -> None:
        """Send a test message now. Raises NotFound, NotDelivered."""
        stored = self.one(channel)
        message = trial_message(self._cluster_name, stored.language, keyword=stored.keyword)
        sent = self._pool().submit(self._send, stored.url, message.title, message.body, self._targets)
        try:
            sent.result(timeout=TEST_SECONDS)
        except TimeoutError:
            slow = sentence("channels.slow", service=stored.service, seconds=TEST_SECONDS)
            raise NotDelivered(slow) from None

    def messages(self, *, limit: int) -> list[Row]:
        """The sent messages of all channels, newest first."""
        names = {one.channel: one.name for one in self._store.all()}
        return [{**row, "name": names[row["channel"]]} for row in self._store.messages(list(names), limit=limit)]

    # Messages

    def tick(self) -> None:
        """Start sending the messages that are due. Never raises, and never waits for a channel."""
        try:
            for channel in self._store.all():
                if channel.enabled and channel.channel not in self._sending:
                    for stream in Stream:
                        self._send_if_due(channel, stream)
        except KubeDoorError as error:
            log.warning("events for notifications could not be read: %s", error)

    def _send_if_due(self, channel: Channel, stream: Stream) -> None:
        events = [event for event in Event if event in channel.events and STREAMS[event] is stream]
        now = self._now()
        if not events or now < self._quiet_until.get((channel.channel, stream), now):
            return
        sent = self._store.newest(channel.channel, stream)
        if sent and sent[0]["ok"] is None:
            self._send_again(channel, stream, events, sent)
            return
        within_a_day = sum(row["begun_at"] > now - timedelta(days=1) for row in sent)
        if sent and now < (
            quiet_until := sent[0]["begun_at"] + quiet_period(stream, channel.min_minutes, within_a_day)
        ):
            self._quiet_until[(channel.channel, stream)] = quiet_until
            return
        if (window := self._window(channel, stream, sent)) is None:
            return
        notices = self._notices(events, window)
        if notices:
            self._claim_and_send(channel, stream, sent[0]["number"] + 1 if sent else 1, window, notices)
        else:
            self._empty_until[(channel.channel, channel.version, stream)] = window[1] - REREAD

    def _window(self, channel: Channel, stream: Stream, sent: Sequence[Row]) -> tuple[datetime, datetime] | None:
        """What the next message tells: all since the last one that arrived. None: there is nothing to read yet."""
        now = self._now()
        sent_until = next((row["until"] for row in sent if row["ok"]), None)
        key = (channel.channel, channel.version, stream)
        since = max(
            sent_until or self._first(channel, sent), now - MAX_WINDOW, self._empty_until.get(key, now - MAX_WINDOW)
        )
        until = now - SETTLE_DELAY
        return (since, until) if since < until else None

    def _send_again(self, channel: Channel, stream: Stream, events: Sequence[Event], sent: Sequence[Row]) -> None:
        """The newest message has no result. What is in it is read again; where nothing is left, it is settled."""
        silent = next((number for number, row in enumerate(sent) if row["ok"] is not None), len(sent))
        last = sent[0]
        if self._now() < last["begun_at"] + RESULT_AFTER * (1 << min(silent - 1, 8)):
            return
        window = (last["since"], last["until"])
        if window[1] < self._now() - MAX_WINDOW or not (notices := self._notices(events, window)):
            self._store.record_result(last["message"], ok=False, detail=sentence("channels.unknown_arrival"))
            return
        self._claim_and_send(channel, stream, last["number"] + 1, window, notices)

    def _notices(self, events: Sequence[Event], window: tuple[datetime, datetime]) -> list[Notice]:
        return [notice for event in events for notice in self._read(event, *window)]

    def _first(self, channel: Channel, sent: Sequence[Row]) -> datetime:
        """The start of the window before any delivery: that of the first attempt, else the last change of the channel."""
        return sent[-1]["since"] if sent else channel.changed_at or self._now()

    def _read(self, event: Event, since: datetime, until: datetime) -> list[Notice]:
        if event is not Event.CERTIFICATE_ENDS:
            return [
                self._with_cluster(name, notice)
                for name, store in self._events.items()
                for notice in store.between(event, since, until)
            ]
        left = self._certificate_days()
        return [Notice(event, f"{left} d")] if left is not None and left <= CERTIFICATE_DAYS else []

    def _with_cluster(self, cluster: str, notice: Notice) -> Notice:
        if len(self._events) == 1:
            return notice
        return replace(notice, cluster=cluster, text=f"{cluster}: {notice.text}")

    def _clusters_of(self, notices: Sequence[Notice]) -> str:
        """For the title."""
        names = list(dict.fromkeys(notice.cluster for notice in notices if notice.cluster)) or [self._cluster_name]
        more = f" +{len(names) - MAX_TITLE_CLUSTERS}" if len(names) > MAX_TITLE_CLUSTERS else ""
        return ", ".join(names[:MAX_TITLE_CLUSTERS]) + more

    def _claim_and_send(
        self,
        channel: Channel,
        stream: Stream,
        number: int,
        window: tuple[datetime, datetime],
        notices: Sequence[Notice],
    ) -> None:
        mark = mark_of(channel.channel, stream, *window)
        message = build_message(
            self._clusters_of(notices), channel.language, notices, mark=mark, keyword=channel.keyword
        )
        sent = SentMessage(
            channel.channel,
            stream,
            number,
            uuid.uuid4(),
            window[0],
            window[1],
            sum(notice.count for notice in notices),
            message.title,
            self._now(),
        )
        if not self._store.claim(sent):
            return
        with self._lock:
            self._sending.add(channel.channel)
        self._pool().submit(self._deliver, channel, sent, message).add_done_callback(_log_failure)

    def _deliver(self, channel: Channel, sent: SentMessage, message: Message) -> None:
        try:
            self._send(channel.url, message.title, message.body, self._targets)
            self._store.record_result(sent.message, ok=True, detail=NOTHING)
        except (NotDelivered, InvalidInput) as error:
            log.warning("channel %s: %s", channel.name, error)
            self._store.record_result(sent.message, ok=False, detail=error.message)
        finally:
            with self._lock:
                self._sending.discard(channel.channel)

    def _pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._senders is None:
                self._senders = ThreadPoolExecutor(SENDERS, thread_name_prefix="notify")
            return self._senders


def _log_failure(sent: Future[None]) -> None:
    if error := sent.exception():
        log.warning("the result of a message could not be recorded: %s", error)
