"""The way to the broker: publishes and never subscribes, so that nothing can be ordered by MQTT.

Whoever has something to tell leaves it and goes on; one task sends it, and connects again with
growing pauses for as long as it takes. An event is sent until the broker has it, and so may come
twice: https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718101
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
SIZE = 1000  # events kept while the broker is away: some nights
TIMEOUT_S = 5.0
KEEPALIVE_S = 15
BACKOFF_S = (0.5, 30.0)
AGAIN_S = 60.0  # how often what is retained is told again, should somebody have overwritten it
CLOSE_S = 2.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Broker:
    """Where events go; `topic` is what all topics begin with."""

    topic: str
    host: str
    port: int
    tls: bool = True
    ca: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, table: MqttTable, secrets: Secrets) -> Broker:
        """Read from file and secrets file which broker it is."""
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
        """Make what checks the broker's certificate and name; blocking, OSError without its CA."""
        if not self.tls:
            return None
        found = ssl.create_default_context(cafile=self.ca)
        found.minimum_version = ssl.TLSVersion.TLSv1_2
        return found


def broker_refusal(broker: Broker) -> str | None:
    """Say why the broker does not let us in, None if it does; blocks for some seconds at most."""

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
    """Takes events and states from any thread; `run` sends them and never ends by itself."""

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
        self._states: dict[str, payloads.Payload] = {}  # what is retained, by the end of its topic
        self._stale: set[str] = set()  # of these, what the broker must be told
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self.connected = False

    def event(self, topic: str, payload: payloads.Payload) -> None:
        """Leave an event, and return at once."""
        self._outbox.put(Letter(f"{self._broker.topic}/{topic}", _bytes(payload)))
        self._wake()

    def state(self, topic: str, payload: payloads.Payload) -> None:
        """Leave what is so from now on, and return at once; the broker retains it."""
        self._states[topic] = payload
        self._stale.add(topic)
        self._wake()

    @property
    def waiting(self) -> int:
        """Count the events that the broker has not got."""
        return len(self._outbox)

    def _wake(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: we are at the end
                self._loop.call_soon_threadsafe(self._woken.set)

    async def run(self) -> None:
        """Keep a connection and send, until canceled; then say, if that is quickly done, down."""
        self._loop, task = asyncio.get_running_loop(), asyncio.current_task()
        pauses = Pauses(*self._backoff_s)
        # the client may raise an error of its own in the place of a cancellation, or swallow it
        while task is None or not task.cancelling():
            try:
                await self._connection()
            except Exception as error:  # noqa: BLE001  # whatever it is, it is tried again
                if self.connected or pauses.pause == pauses.first:  # once, not at each try
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
            identifier=broker.topic.replace("/", "-"),  # a second one takes the first one's place
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
        """Send what comes, and from time to time all that is retained."""
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
        """Send what is so, what was lost, and then what happened; all until the broker has it."""
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
        """Publish what the broker retains."""
        await client.publish(f"{self._broker.topic}/{topic}", _bytes(payload), qos=1, retain=True)

    def _up(self, *, is_up: bool) -> payloads.Up:
        return payloads.Up(at=self._clock.now(), up=is_up)


async def _lost(client: aiomqtt.Client) -> None:
    """Return with an error when the connection is lost; nobody sends us anything."""
    async for _ in client.messages:
        pass


def _bytes(payload: payloads.Payload) -> bytes:
    return payload.model_dump_json().encode()


def _reason(error: Exception) -> str:
    """Say in a few words what is wrong; the broker's own words may be anything."""
    return f"{type(error).__name__}: {error}"[:120]
