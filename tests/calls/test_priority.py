"""How our packets are marked for routers, as they leave Asterisk."""

from __future__ import annotations

import asyncio
import socket

import pytest

from pbx.demo.scenes import MAIN, SATURDAY
from pbx.demo.stage import Stage
from tests.support.sip import DEADLINE_S, Dialog, SipSocket, office

pytestmark = pytest.mark.asyncio(loop_scope="session")

# The byte in the IP header: the DSCP and two bits for congestion (RFC 2474)
EF, CS3 = 46 << 2, 24 << 2


class ListeningPeer(SipSocket):
    """A peer that receives audio, too, and is told how each packet was marked."""

    def __init__(self, host: str, office: tuple[str, int]) -> None:
        super().__init__(host, office)
        self.audio = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.audio.bind((host, 0))
        for one in (self.socket, self.audio):
            one.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.audio.close()

    def sdp(self) -> str:
        """Describe audio where this peer listens."""
        return super().sdp().replace("m=audio 9 ", f"m=audio {self.audio.getsockname()[1]} ")


def mark(received: socket.socket) -> int:
    """Return the mark of the next packet; TimeoutError if none comes."""
    received.settimeout(DEADLINE_S)
    _, extra, _, _ = received.recvmsg(65535, socket.CMSG_SPACE(1))
    ((_, _, data),) = extra
    return data[0]


def marks(host: str, peer: tuple[str, int], caller: str) -> tuple[int, int]:
    """Ask and call the office; return how its signaling and its audio are marked."""
    with ListeningPeer(host, peer) as carrier:
        carrier.send(carrier.request("OPTIONS", MAIN)[0])
        signaling = mark(carrier.socket)
        dialog = Dialog.called(carrier, MAIN, caller)
        audio = mark(carrier.audio)
        assert dialog.asks("BYE") == 200
    return signaling, audio


async def test_routers_are_asked_to_send_audio_and_signaling_first(
    stage: Stage, caller: str
) -> None:
    """EF for audio and CS3 for signaling, which an ordinary process may set."""
    stage.set_time(SATURDAY)
    found = await asyncio.to_thread(marks, stage.carrier.host, office(stage), caller)
    assert found == (CS3, EF)
    await stage.finished(caller)
