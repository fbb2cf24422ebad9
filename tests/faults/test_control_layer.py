"""The control layer dies, hangs, is slow, or speaks half a sentence."""

from __future__ import annotations

import asyncio
import signal

import pytest

from dialplan import names
from pbx.calls.record.flags import CUT_OFF
from pbx.demo.carrier.handset import Handset, answers
from pbx.demo.scenes import BACK_LINE, MAIN, patient
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES
from tests.calls.test_standby import verbs
from tests.conftest import Saw
from tests.faults.line import Line, line_up
from tests.faults.oracle import DEADLINE, invited, no_channel_is_left
from tests.support.office_up import until

pytestmark = pytest.mark.long


async def _costs(line: Line, caller: str) -> float:
    """Place a call on the back line; return how long it took until somebody's phone rang, in s."""
    await line.dials(BACK_LINE, patient(at_most=8), caller)
    await line.rings()
    return line.waited_s[-1]


async def test_dead_before_the_call(saw: Saw) -> None:
    """Row 1: the standby decides."""
    async with line_up() as line:
        alive = await _costs(line, "+19175550161")
        await line.calls[-1].ended(DEADLINE)
        with line.nobody_restarts():
            line.kill()
            dead = await _costs(line, "+19175550162")
            await line.calls[-1].ended(DEADLINE)
            assert line.reached(line.calls[-1])
        assert [row.outcome for row in await line.holds()] == ["connected"] * 2
        saw(f"the standby rang the physician after {dead:.2f} s; the call was logged", dead - alive)


async def test_killed_in_mid_question(saw: Saw) -> None:
    """Row 2: it was asked, and dies without a word."""
    async with line_up() as line:
        alive = await _costs(line, "+19175550161")
        await line.calls[-1].ended(DEADLINE)
        line.fault.write_text("die")
        with line.nobody_restarts():
            dead = await _costs(line, "+19175550162")
            await line.calls[-1].ended(DEADLINE)
            assert line.reached(line.calls[-1])
            line.fault.unlink()
        assert [row.outcome for row in await line.holds()] == ["connected"] * 2
        more = f"{dead - alive:.2f} s more than with the daemon"
        saw(f"no answer arrived, so the standby rang the physician, {more}", dead)


async def test_killed_while_bridged(saw: Saw) -> None:
    """Row 3: the two go on talking, and the call is in the log afterward."""
    async with line_up() as line:
        for person, number in MOBILES.items():
            line.up.carrier.answers(number, answers(after=1, press="1", tone=TONES[person], talk=9))
        call = await line.dials(BACK_LINE, patient(at_most=14))
        await (await line.rings()).answered(DEADLINE)
        await asyncio.sleep(4)
        line.kill()
        await call.ended(DEADLINE)
        assert [tone for tone in TONES.values() if call.heard_tone(tone, seconds=7)]
        (row,) = await line.holds()
        assert row.outcome in {"connected", "interrupted"}
        saw(f"the conversation went on; logged as {row.outcome}")


async def test_dead_when_the_line_breaks(saw: Saw) -> None:
    """Row 3: cut off seconds after a physician accepted, while nobody listens: told again later."""
    async with line_up(edit=lambda text: text.replace('cut_off = "1s"', 'cut_off = "10s"')) as line:
        for person, number in MOBILES.items():
            line.up.carrier.answers(number, answers(after=1, press="1", tone=TONES[person], talk=9))
        call = await line.dials(BACK_LINE, patient(at_most=14))
        await (await line.rings()).answered(DEADLINE)
        await line.accepted(call)
        with line.nobody_restarts():
            line.kill()
            await line.up.carrier.hang_up(call)
            await call.ended(DEADLINE)
        (row,) = await line.holds()
        assert (row.outcome, row.message) == ("connected", row.id)
        (message,) = await asyncio.to_thread(line.open_messages)
        assert message.flags == (CUT_OFF,)
        again = await line.rings(MOBILES[str(row.person)])
        await again.answered(DEADLINE)
        saw(
            f"after the restart {message.state} as cut off, and the follow-up called the person "
            f"who accepted"
        )


async def test_hung(saw: Saw) -> None:
    """Row 4: the watchdog of the dialplan ends the question."""
    async with line_up() as line:
        alive = await _costs(line, "+19175550161")
        await line.calls[-1].ended(DEADLINE)
        line.kill(signal.SIGSTOP)
        hung = await _costs(line, "+19175550162")
        assert verbs(line.up) == [names.ESCALATION]
        await line.calls[-1].ended(DEADLINE)
        assert line.reached(line.calls[-1])
        line.kill(signal.SIGCONT)
        assert [row.outcome for row in await line.holds()] == ["connected"] * 2
        saw(f"the standby rang the physician after {hung:.2f} s", hung - alive)


async def test_hung_and_the_caller_hangs_up(saw: Saw) -> None:
    """Row 5: no channel is left, and the message of the call is not lost."""
    async with line_up() as line:
        line.kill(signal.SIGSTOP)
        call = await line.dials(BACK_LINE, patient())
        await asyncio.sleep(1)
        await line.up.carrier.hang_up(call)
        await call.ended(DEADLINE)
        await no_channel_is_left(line.console)  # while the daemon still hangs
        line.kill(signal.SIGCONT)
        (row,) = await line.holds()
        assert (row.outcome, row.message is not None) == ("message", True)
        saw("the channel ended while the daemon was still hung; the message is open")


@pytest.mark.parametrize(("seconds", "who"), [(1, "daemon"), (6, "standby")])
async def test_slow(saw: Saw, seconds: int, who: str) -> None:
    """Row 6: within the deadline it decides; later, what it says changes nothing.

    Late, it says something else: that a routine message is taken.
    """
    async with line_up() as line:
        line.fault.write_text(f"slow {seconds}" if who == "daemon" else f"slow-wrong {seconds}")
        waited = await _costs(line, "+19175550161")
        decided = verbs(line.up)  # a late daemon still hangs, and has taken in none of these
        line.fault.unlink()
        await line.calls[-1].ended(DEADLINE)
        assert decided == ([] if who == "daemon" else [names.ESCALATION])
        assert line.reached(line.calls[-1])
        (row,) = await line.holds()
        assert row.outcome == "connected"
        assert len(invited(line.up.carrier)) == 1
        saw(f"{seconds} s late: the {who} decided", waited)


async def test_half_a_command_then_silence(saw: Saw) -> None:
    """Row 7: no timeout of Asterisk's can fire before the socket closes, at our own deadline."""
    async with line_up() as line:
        line.fault.write_text("half")
        waited = await _costs(line, "+19175550161")
        await line.calls[-1].ended(DEADLINE)
        assert line.reached(line.calls[-1])
        line.fault.unlink()
        await line.holds()
        saw("our timeout closed the socket, and the call continued", waited)


async def test_half_a_command_and_hung(saw: Saw) -> None:
    """Row 7: nobody is left to close the socket; the watchdog ends the process, and that does."""
    async with line_up() as line:
        pid = line.up.daemon_pid()
        line.fault.write_text("half-hang")
        waited = await _costs(line, "+19175550161")
        line.fault.unlink()
        await line.calls[-1].ended(DEADLINE)
        assert line.reached(line.calls[-1])
        await until(lambda: line.up.reported("daemon.serving") > 1)
        assert line.up.daemon_pid() != pid
        await line.holds()
        saw("also hung: the watchdog killed the daemon, and the call continued", waited)


async def test_half_a_command_then_death(saw: Saw) -> None:
    """Row 8: the half is executed, and never taken as a verdict."""
    async with line_up() as line:
        line.fault.write_text("half-die")
        with line.nobody_restarts():
            waited = await _costs(line, "+19175550161")
            await line.calls[-1].ended(DEADLINE)
            assert line.reached(line.calls[-1])
            line.fault.unlink()
        await line.holds()
        saw("no answer arrived, so the standby rang the physician", waited)


async def test_killed_again_and_again(saw: Saw) -> None:
    """Beyond the rows: killed at every question of one call, it is answered all the same."""
    async with line_up(closed=True) as line:
        line.fault.write_text("die")

        async def script(phone: Handset) -> None:
            await phone.wait(1.5)
            await phone.press("1")
            await phone.wait(1.5)
            await phone.press("#")
            await phone.wait(4.5)
            await phone.press("#")
            await phone.tone(PATIENT_TONE, 40)

        call = await line.dials(MAIN, script)
        await call.ended(DEADLINE)
        assert line.reached(call)
        line.fault.unlink()
        await line.holds()
        saw("the standby answered each question")
