"""The JetStream stream of durable events: the sequence of a message is the number of its event.

So the stream itself says what was published last, also when it is empty. Each message is published under the condition
that its predecessor is the stream's newest, which the server checks: what was lost on the way keeps what follows out,
and what comes twice is not taken. https://docs.nats.io/nats-concepts/jetstream/headers
"""

from __future__ import annotations

import asyncio
import json

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import api, errors

from engine.bus.subscription import Journal
from engine.config import NatsSection
from engine.domain.events import DURABLE, StoredEvent
from engine.nats.connection import NotPublishedError, refused

PAGE = 200
"""How many events are published before the first of them is answered for."""
_SUBJECTS_OVERLAP = 10065
_WRONG_LAST = (10070, 10071)
"""Not that message, and not that sequence."""
_ANOTHER = "remove the stream, or set nats.stream and nats.prefix to others"


class Stream:
    """The stream of one engine.

    Args:
        client: is connected.
        settings: name the stream and say what it keeps.
        source: of the engine's events; the stream's description, by which two engines are told apart.
        journal: the engine's events.
    """

    def __init__(self, client: Client, settings: NatsSection, source: str, journal: Journal) -> None:
        self._client = client
        self._settings = settings
        self._source = source
        self._journal = journal
        self._js = client.jetstream(timeout=settings.ack_timeout)
        self._inbox: str | None = None
        self._newest_sent: str | None = None
        self._sent: dict[int, asyncio.Future[Msg]] = {}
        """What was not asked for yet, by the numbers of the events."""

    async def last(self) -> int:
        """Make the stream where it is not there, and return the number of the event that it took last.

        Raises:
            NotPublishedError: it is another's, or does not hold this engine's events.
            nats.errors.Error: the server does not answer, or refuses.
        """
        info = await self._there()
        await asyncio.to_thread(self._check, info, await self._newest(info))
        return info.state.last_seq

    async def _there(self) -> api.StreamInfo:
        settings = self._settings
        wanted = api.StreamConfig(
            name=settings.stream,
            description=self._source,
            subjects=[f"{settings.prefix}.{kind}.>" for kind in DURABLE],
            retention=api.RetentionPolicy.LIMITS,
            storage=api.StorageType.FILE,
            max_age=settings.max_age,
            max_bytes=settings.max_bytes or -1,
            num_replicas=settings.replicas,
        )
        try:
            info = await self._js.stream_info(settings.stream)
        except errors.NotFoundError:
            return await self._made(wanted)
        self._check_kind(info.config, wanted)
        if (info.config.max_age, info.config.max_bytes) != (wanted.max_age, wanted.max_bytes):
            info = await self._js.update_stream(info.config.evolve(max_age=wanted.max_age, max_bytes=wanted.max_bytes))
        return info

    async def _made(self, wanted: api.StreamConfig) -> api.StreamInfo:
        try:
            return await self._js.add_stream(wanted)
        except errors.APIError as error:
            if error.err_code != _SUBJECTS_OVERLAP:
                raise
            raise NotPublishedError(
                f"another stream takes some of {', '.join(wanted.subjects or ())} already: set nats.prefix to another"
            ) from None

    def _check_kind(self, found: api.StreamConfig, wanted: api.StreamConfig) -> None:
        if set(found.subjects or ()) != set(wanted.subjects or ()):
            subjects = ", ".join(found.subjects or ("none",))
            raise NotPublishedError(f"the stream {found.name} is for other subjects ({subjects}): {_ANOTHER}")
        if found.description not in (None, "", self._source):
            raise NotPublishedError(f"the stream {found.name} is of {found.description}: {_ANOTHER}")

    async def _newest(self, info: api.StreamInfo) -> api.RawStreamMsg | None:
        """Return the message that was taken last; None where it is not kept any more."""
        if not info.state.messages:
            return None
        try:
            return await self._js.get_msg(self._settings.stream, seq=info.state.last_seq)
        except errors.NotFoundError:
            return None

    def _check(self, info: api.StreamInfo, message: api.RawStreamMsg | None) -> None:
        """Make sure that the stream goes on with the journal's next event."""
        last, newest = info.state.last_seq, self._journal.last_event()
        if last > newest:
            raise NotPublishedError(
                f"the stream {self._settings.stream} has had {last} events, and the database has {newest}: "
                f"it is of another one, or of a newer copy; {_ANOTHER}"
            )
        if message is not None:
            (event,) = self._journal.events(last - 1, limit=1)
            if (message.headers or {}).get(api.Header.MSG_ID) != event.id:
                raise NotPublishedError(
                    f"message {last} of the stream {self._settings.stream} is not event {last} of the database: "
                    f"it is of another one, or somebody else publishes there; {_ANOTHER}"
                )

    # The client's own publish_async loses refusals: whoever awaits one waits until the time is over.

    async def send(self, event: StoredEvent, subject: str, payload: bytes) -> None:
        """Send *event* on its way, the one after the one that was sent last; `taken` says what came of it."""
        if self._inbox is None:
            self._inbox = self._client.new_inbox()
            await self._client.subscribe(f"{self._inbox}.*", cb=self._hear)
        headers = {
            api.Header.EXPECTED_STREAM.value: self._settings.stream,
            api.Header.EXPECTED_LAST_SEQUENCE.value: str(event.seq - 1),
            api.Header.MSG_ID.value: event.id,
        }
        if self._newest_sent is not None:
            # Its number alone could be that of a stranger's message which came between.
            headers[api.Header.EXPECTED_LAST_MSG_ID.value] = self._newest_sent
        self._newest_sent = event.id
        self._sent[event.seq] = asyncio.get_running_loop().create_future()
        await self._client.publish(subject, payload, reply=f"{self._inbox}.{event.seq}", headers=headers)

    async def _hear(self, answer: Msg) -> None:
        sent = self._sent.get(int(answer.subject.rpartition(".")[2]))
        if sent is not None and not sent.done():
            sent.set_result(answer)

    async def taken(self) -> int:
        """Wait until the stream has every event that was sent, at most `PAGE`, and return how many there were.

        Raises:
            NotPublishedError: the server refuses one, and so those behind it.
            nats.errors.Error: nobody answers for the stream.
            TimeoutError: not in time. Which were taken, `last` tells.
        """
        async with asyncio.timeout(self._settings.ack_timeout):
            for number, sent in self._sent.items():
                self._check_taken(number, await sent)
        count = len(self._sent)
        self._sent.clear()
        return count

    def _check_taken(self, number: int, answer: Msg) -> None:
        if (answer.headers or {}).get(api.Header.STATUS) == api.StatusCode.SERVICE_UNAVAILABLE:
            raise errors.NoStreamResponseError
        said = json.loads(answer.data)
        if refusal := said.get("error"):
            if refusal["err_code"] in _WRONG_LAST:
                raise NotPublishedError(f"the stream {self._settings.stream} does not end before event {number}")
            raise NotPublishedError(refused(refusal["description"], refusal["err_code"]))
        if said["seq"] != number:
            raise NotPublishedError(f"event {number} is message {said['seq']} of the stream: {_ANOTHER}")
