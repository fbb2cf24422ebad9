"""A bare Asterisk for tests that need AMI and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dialplan import system
from dialplan.conf import join_sections, section
from dialplan.manager import USER
from pbx.asterisk.engine import runtime
from pbx.asterisk.engine.ports import PortBlock
from pbx.asterisk.engine.process import AsteriskProcess, Instance

SECRET = "a-made-up-secret"
HOLD = "[hold]\nexten => s,1,Wait(60)\nexten => up,1,Answer()\n same => n,Wait(60)\n"


@asynccontextmanager
async def bare_asterisk(folder: Path) -> AsyncIterator[AsteriskProcess]:
    """Run an Asterisk with one AMI user that may do everything, and an empty dialplan."""
    found, user = runtime.require(), runtime.service_user()
    folder.chmod(0o755)
    block = PortBlock.take()
    home = folder / "asterisk"
    login = {"secret": SECRET, "read": "all", "write": "all"}
    general = {"enabled": "yes", "bindaddr": "127.0.0.1", "port": block.ports.ami}
    bind = f"127.0.0.1:{block.ports.sip}"
    files = {
        "asterisk.conf": system.asterisk_conf(
            system.Folders(str(home), str(found.modules)), max_calls=20
        ),
        "modules.conf": system.modules_conf(),
        "logger.conf": system.logger_conf(),
        "musiconhold.conf": join_sections("None."),
        "extensions.conf": join_sections("None.", HOLD),
        "rtp.conf": system.rtp_conf(block.ports.rtp_first, block.ports.rtp_last),
        "pjsip.conf": join_sections(
            "One transport.",
            section("t", {"type": "transport", "protocol": "udp", "bind": bind}),
        ),
        "manager.conf": join_sections(
            "One user.", section("general", general), section(USER, login)
        ),
        **system.cdr_files(),
        **system.default_files(),
    }
    instance = Instance(home, block.ports, files, user, dies_with_parent=True)
    process = AsteriskProcess(found, instance)
    await process.start()
    try:
        yield process
    finally:
        await process.stop()
        block.release()
