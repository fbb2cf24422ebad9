"""The connection to the MQTT broker. It never subscribes, so nothing can be commanded by MQTT.

Publishing only queues; one task sends, and reconnects with growing pauses for as long as it takes.
An event is sent until the broker confirms it, so it may arrive twice:
https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718101
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field

import aiomqtt
import structlog

from pbx.base.clock import Clock
from pbx.base.pauses import Pauses
from pbx.config.schema_network import MqttTable
from pbx.config.secrets import Secrets
from pbx.notify import payloads
from pbx.notify.outbox import Letter, Outbox

PREFIX = "officeline"
PLAIN, ENCRYPTED = 1883, 8883
SIZE = 1000  # events kept while the broker is unreachable, enough for some nights
TIMEOUT_S = 5.0
KEEPALIVE_S = 15
BACKOFF_S = (0.5, 30.0)
AGAIN_S = 60.0  # how often to publish retained states again, in case somebody overwrote them
CLOSE_S = 2.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Broker:
    """The broker's address and login; `topic` is the prefix of all topics."""

    topic: str
    host: str
    port: int
    tls: bool = True
    ca: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, table: MqttTable, secrets: Secrets) -> Broker:
        """Return the broker of the office's file and the secrets file."""
        return cls(
            topic=f"{PREFIX}/{table.site}",
            host=table.host,
            port=table.port or (ENCRYPTED if table.tls else PLAIN),
            tls=table.tls,
            ca=table.ca,
            user=table.user,
            password=secrets.mqtt or None,
        )

    def context(self) -> ssl.SSLContext | None:
        """Return the TLS context, None without TLS. Blocks; OSError if the CA file is missing."""
        if not self.tls:
            return None
        found = ssl.create_default_context(cafile=self.ca)
        found.minimum_version = ssl.TLSVersion.TLSv1_2
        return found


def broker_refusal(broker: Broker) -> str | None:
    """Return why the broker refuses us, None if it accepts. Blocks for some seconds at most."""

    async def knock() -> None:
        async with aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.user,
            password=broker.password,
            tls_context=broker.context(),
            timeout=TIMEOUT_S,
        ):
            pass

    try:
        asyncio.run(knock())
    except (aiomqtt.MqttError, OSError, ValueError) as error:
        return _reason(error)
    return None


class Publisher:
    """Queues events and states from any thread; `run` sends them and never ends by itself."""

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        *,
        size: int = SIZE,
        timeout_s: float = TIMEOUT_S,
        backoff_s: tuple[float, float] = BACKOFF_S,
        again_s: float = AGAIN_S,
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._timeout_s = timeout_s
        self._backoff_s = backoff_s
        self._again_s = again_s
        self._outbox = Outbox(clock, size)
        self._states: dict[str, payloads.Payload] = {}  # by the last part of the topic
        self._stale: set[str] = set()  # topics still to be sent
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self.connected = False

    def event(self, topic: str, payload: payloads.Payload) -> None:
        """Queue an event and return at once."""
        self._outbox.put(Letter(f"{self._broker.topic}/{topic}", _bytes(payload)))
        self._wake()

    def state(self, topic: str, payload: payloads.Payload) -> None:
        """Queue the new value of a retained state and return at once."""
        self._states[topic] = payload
        self._stale.add(topic)
        self._wake()

    @property
    def waiting(self) -> int:
        """Return the number of events that the broker has not received."""
        return len(self._outbox)

    def _wake(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed because we are stopping
                self._loop.call_soon_threadsafe(self._woken.set)

    async def run(self) -> None:
        """Keep a connection and send until canceled; then publish "down" if that is quick."""
        self._loop, task = asyncio.get_running_loop(), asyncio.current_task()
        pauses = Pauses(*self._backoff_s)
        # the client may swallow a cancellation, or replace it by an error of its own
        while task is None or not task.cancelling():
            try:
                await self._connection()
            except Exception as error:  # noqa: BLE001  # whatever it is, it is tried again
                if self.connected or pauses.pause == pauses.first:  # log once, not at each try
                    log.warning("mqtt.away", error=_reason(error), waiting=self.waiting)
            if self.connected:
                pauses.reset()
            self.connected = False
            await asyncio.sleep(pauses.take())

    async def _connection(self) -> None:
        """Connect once, and send until the connection is lost."""
        context = await asyncio.to_thread(self._broker.context)
        broker, down = self._broker, payloads.Up(at=self._clock.now(), up=False)
        client = aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.user,
            password=broker.password,
            identifier=broker.topic.replace("/", "-"),  # a new connection replaces the old one
            will=aiomqtt.Will(f"{broker.topic}/up", _bytes(down), qos=1, retain=True),
            tls_context=context,
            keepalive=KEEPALIVE_S,
            timeout=self._timeout_s,
        )
        async with client:
            log.info("mqtt.connected", waiting=self.waiting)
            self.connected = True
            lost = asyncio.create_task(_lost(client))
            try:
                await self._serve(client, lost)
            except asyncio.CancelledError:
                with contextlib.suppress(TimeoutError, aiomqtt.MqttError):
                    async with asyncio.timeout(CLOSE_S):
                        await self._send_all(client)
                        await self._publish(client, "up", self._up(is_up=False))
                raise
            finally:
                lost.cancel()

    async def _serve(self, client: aiomqtt.Client, lost: asyncio.Task[None]) -> None:
        """Send what is queued, and from time to time all retained states."""
        task = asyncio.current_task()
        while task is None or not task.cancelling():
            self._stale = set(self._states)
            await self._publish(client, "up", self._up(is_up=True))
            until = asyncio.get_running_loop().time() + self._again_s
            while (left := until - asyncio.get_running_loop().time()) > 0:
                self._woken.clear()
                await self._send_all(client)
                woken = asyncio.create_task(self._woken.wait())
                try:
                    await asyncio.wait({woken, lost}, timeout=left, return_when="FIRST_COMPLETED")
                finally:
                    woken.cancel()
                if lost.done():
                    lost.result()

    async def _send_all(self, client: aiomqtt.Client) -> None:
        """Send the states, then the dropped count, then the events, until the broker has them."""
        while self._stale:
            topic = self._stale.pop()
            try:
                await self._publish(client, topic, self._states[topic])
            except BaseException:
                self._stale.add(topic)
                raise
        if (loss := self._outbox.loss()) is not None:
            reported = payloads.Dropped(at=self._clock.now(), dropped=loss.count, since=loss.since)
            await client.publish(f"{self._broker.topic}/dropped", _bytes(reported), qos=1)
            self._outbox.reported(loss)
            log.error("mqtt.dropped", lost=loss.count)
        while (letter := self._outbox.first()) is not None:
            await client.publish(letter.topic, letter.payload, qos=1)
            self._outbox.sent(letter)

    async def _publish(self, client: aiomqtt.Client, topic: str, payload: payloads.Payload) -> None:
        """Publish a retained state."""
        await client.publish(f"{self._broker.topic}/{topic}", _bytes(payload), qos=1, retain=True)

    def _up(self, *, is_up: bool) -> payloads.Up:
        return payloads.Up(at=self._clock.now(), up=is_up)


async def _lost(client: aiomqtt.Client) -> None:
    """Raise an error when the connection is lost; we never receive messages."""
    async for _ in client.messages:
        pass


def _bytes(payload: payloads.Payload) -> bytes:
    return payload.model_dump_json().encode()


def _reason(error: Exception) -> str:
    """Return in a few words what is wrong, without the broker's own text."""
    return f"{type(error).__name__}: {error}"[:120]
