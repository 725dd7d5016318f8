"""Tells channels what has happened: grouped, limited, from threads of its own, once however many pods there are."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kubedoor.errors import Conflict, InvalidInput, KubeDoorError, NotFound
from kubedoor.identity.audit import Editor, recorded
from kubedoor.model.events import Event, Notice, Stream
from kubedoor.notifications import channel as notifying
from kubedoor.notifications.message import LANGUAGES, STREAMS, Message, gap, message, trial_message
from kubedoor.store.channels import Channel, ChannelStore, SentMessage
from kubedoor.store.connection import Row
from kubedoor.store.notices import NoticeStore
from kubedoor.store.records import RecordStore

log = logging.getLogger(__name__)

MAX_CHANNELS = 50
MAX_TITLED = 3
"""Names of clusters in a title."""
SENDERS = 4
SETTLE = timedelta(seconds=5)
"""Records are written a moment after what they are of."""
LATE = timedelta(minutes=10)
"""Or much later: a door whose store was away, a clock that goes wrong. What was looked at in vain is looked at again."""
MAX_WINDOW = timedelta(hours=24)
"""A channel that was away for longer is not told of what came before."""
TEST_SECONDS = 30.0
CERTIFICATE_DAYS = 14
MINUTES = (1, 1440)


class Notifications:
    """Channels are told of every cluster that `notices` has. `certificate_days`: until the home cluster's door's
    certificate ends; None: not known here."""

    def __init__(
        self,
        *,
        cluster_name: str,
        store: ChannelStore,
        notices: Mapping[str, NoticeStore],
        records: RecordStore,
        certificate_days: Callable[[], int | None],
        now: Callable[[], datetime],
        send: Callable[[str, str, str], None] = notifying.send,
    ) -> None:
        self._cluster_name = cluster_name
        self._store = store
        self._notices = notices
        self._records = records
        self._certificate_days = certificate_days
        self._now = now
        self._send = send
        self._lock = threading.Lock()
        self._senders: ThreadPoolExecutor | None = None
        self._sending: set[str] = set()
        self._nothing_until: dict[tuple[str, int, Stream], datetime] = {}
        self._quiet_until: dict[tuple[str, Stream], datetime] = {}

    # Channels

    def all(self) -> list[Channel]:
        return self._store.all()

    def one(self, channel: str) -> Channel:
        """Raises NotFound."""
        if (found := self._store.one(channel)) is None:
            raise NotFound(f"there is no channel {channel}")
        return found

    def create(self, fields: Mapping[str, Any], editor: Editor) -> Channel:
        """Raises InvalidInput naming the field, which never repeats the address."""
        if len(self._store.all()) >= MAX_CHANNELS:
            raise Conflict(f"there are {MAX_CHANNELS} channels already: delete some")
        made = Channel(uuid.uuid4().hex[:12], "", "", "", (), 15, LANGUAGES[0], changed_by=editor.who)
        channel = _checked(made, fields)
        with recorded(self._records, editor, "channel.create", channel.name, after=_shown(channel)):
            self._store.save(channel)
        return self.one(channel.channel)

    def change(
        self, channel: str, fields: Mapping[str, Any], editor: Editor, *, based_on: int | None = None
    ) -> Channel:
        """What is absent stays, the address too. Raises NotFound, Conflict, InvalidInput.

        `based_on`: the version this was decided on; Conflict when there is a newer one.
        """
        before = self.one(channel)
        if based_on not in (None, before.version):
            raise Conflict(
                f"channel {before.name} has been changed by somebody else in the meantime", version=before.version
            )
        after = _checked(replace(before, changed_by=editor.who), fields)
        shown = {**_shown(after), "url_changed": after.url != before.url}
        with recorded(self._records, editor, "channel.change", after.name, before=_shown(before), after=shown):
            self._store.save(after)
        return self.one(channel)

    def delete(self, channel: str, editor: Editor) -> None:
        """Raises NotFound, Conflict."""
        found = self.one(channel)
        with recorded(self._records, editor, "channel.delete", found.name, before=_shown(found)):
            # The address is forgotten with it.
            self._store.save(replace(found, deleted=True, url="", changed_by=editor.who))

    def test(self, channel: str) -> None:
        """Send a test message now. Raises NotFound, NotDelivered."""
        found = self.one(channel)
        told = trial_message(self._cluster_name, found.language)
        sent = self._pool().submit(self._send, found.url, told.title, told.body)
        try:
            sent.result(timeout=TEST_SECONDS)
        except Late:
            raise notifying.NotDelivered(f"{found.service} has not answered within {TEST_SECONDS:g} s") from None

    def messages(self, *, limit: int) -> list[Row]:
        """The newest messages of all channels first."""
        channels = {one.channel: one.name for one in self._store.all()}
        return [{**row, "name": channels[row["channel"]]} for row in self._store.messages(list(channels), limit=limit)]

    # Messages

    def tick(self) -> None:
        """Send what there is to be told. Never raises, never waits for a channel."""
        try:
            for channel in self._store.all():
                if channel.enabled and channel.channel not in self._sending:
                    for stream in Stream:
                        self._look(channel, stream)
        except KubeDoorError as error:
            log.warning("notifications could not be looked at: %s", error)

    def _look(self, channel: Channel, stream: Stream) -> None:
        events = [event for event in Event if event in channel.events and STREAMS[event] is stream]
        now = self._now()
        if not events or now < self._quiet_until.get((channel.channel, stream), now):
            return
        sent = self._store.newest(channel.channel, stream)
        within_a_day = sum(row["begun_at"] > now - timedelta(days=1) for row in sent)
        if sent and now < (quiet_until := sent[0]["begun_at"] + gap(stream, channel.min_minutes, within_a_day)):
            self._quiet_until[(channel.channel, stream)] = quiet_until
            return
        # What could not be delivered is told again; what nobody knows of (whoever sent it died) is not.
        told = next((row["until"] for row in sent if row["ok"] is not False), None)
        looked = (channel.channel, channel.version, stream)
        since = max(
            told or self._first(channel, sent), now - MAX_WINDOW, self._nothing_until.get(looked, now - MAX_WINDOW)
        )
        until = now - SETTLE
        if since >= until:
            return
        notices = [notice for event in events for notice in self._happened(event, since, until)]
        if notices:
            number = sent[0]["number"] + 1 if sent else 1
            self._tell(channel, stream, number, (since, until), notices)
        else:
            self._nothing_until[looked] = until - LATE

    def _first(self, channel: Channel, sent: Sequence[Row]) -> datetime:
        """Nothing has been delivered yet: from the first attempt, or since the channel is as it is."""
        return sent[-1]["since"] if sent else channel.changed_at or self._now()

    def _happened(self, event: Event, since: datetime, until: datetime) -> list[Notice]:
        if event is not Event.CERTIFICATE_ENDS:
            return [
                self._of(name, notice)
                for name, notices in self._notices.items()
                for notice in notices.between(event, since, until)
            ]
        left = self._certificate_days()
        return [Notice(event, f"{left} d")] if left is not None and left <= CERTIFICATE_DAYS else []

    def _of(self, cluster: str, notice: Notice) -> Notice:
        if len(self._notices) == 1:
            return notice
        return replace(notice, cluster=cluster, text=f"{cluster}: {notice.text}")

    def _title_of(self, notices: Sequence[Notice]) -> str:
        """The clusters that a message is about."""
        names = list(dict.fromkeys(notice.cluster for notice in notices if notice.cluster)) or [self._cluster_name]
        more = f" +{len(names) - MAX_TITLED}" if len(names) > MAX_TITLED else ""
        return ", ".join(names[:MAX_TITLED]) + more

    def _tell(
        self,
        channel: Channel,
        stream: Stream,
        number: int,
        window: tuple[datetime, datetime],
        notices: Sequence[Notice],
    ) -> None:
        told = message(self._title_of(notices), channel.language, notices)
        sent = SentMessage(
            channel.channel,
            stream,
            number,
            uuid.uuid4(),
            window[0],
            window[1],
            sum(notice.count for notice in notices),
            told.title,
            self._now(),
        )
        if not self._store.begin(sent):
            return
        with self._lock:
            self._sending.add(channel.channel)
        self._pool().submit(self._deliver, channel, sent, told).add_done_callback(_log_failure)

    def _deliver(self, channel: Channel, sent: SentMessage, told: Message) -> None:
        try:
            self._send(channel.url, told.title, told.body)
            self._store.end(sent.message, ok=True, detail="")
        except notifying.NotDelivered as error:
            log.warning("channel %s: %s", channel.name, error)
            self._store.end(sent.message, ok=False, detail=error.message)
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
        log.warning("a message's result could not be recorded: %s", error)


def _checked(channel: Channel, fields: Mapping[str, Any]) -> Channel:
    changed = replace(channel, **{name: value for name, value in fields.items() if name != "events"})
    if "events" in fields:
        changed = replace(changed, events=tuple(dict.fromkeys(fields["events"])))
    if not 1 <= len(changed.name.strip()) <= 100:
        raise InvalidInput("a name has 1 to 100 characters", field="name")
    if unknown := [event for event in changed.events if event not in tuple(Event)]:
        raise InvalidInput(f"there is no event {unknown[0]!r}: there are {', '.join(Event)}", field="events")
    if not changed.events:
        raise InvalidInput(f"choose at least one event of {', '.join(Event)}", field="events")
    if changed.language not in LANGUAGES:
        raise InvalidInput(f"language must be one of {', '.join(LANGUAGES)}", field="language")
    if not MINUTES[0] <= changed.min_minutes <= MINUTES[1]:
        raise InvalidInput(f"min_minutes must be from {MINUTES[0]} to {MINUTES[1]}", field="min_minutes")
    return replace(changed, name=changed.name.strip(), service=notifying.service_of(changed.url))


def _shown(channel: Channel) -> dict[str, Any]:
    """Everything but the address."""
    return {
        "name": channel.name,
        "service": channel.service,
        "events": list(channel.events),
        "min_minutes": channel.min_minutes,
        "language": channel.language,
        "enabled": channel.enabled,
    }
