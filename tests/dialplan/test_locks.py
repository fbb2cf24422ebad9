"""Every lock of the generated files: shut as they are, and open after one change of each kind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialplan.lint import DIALPLAN
from dialplan.locks import WRITTEN
from dialplan.pjsip import Tls
from dialplan.render import office_files
from dialplan.written import Written
from tests.dialplan.test_golden import BY_ADDRESS, BY_REGISTRATION

FILES = office_files(BY_ADDRESS)
PJSIP, EXTENSIONS = "pjsip.conf", "extensions.conf"
SECRET = "password = a-long-made-up-secret-"
NUMBER = "s,1,Set(CALLERID(num)=${"
NAME = " same => n,Set(CALLERID(name)=${FILTER"
DESK1 = "permit = 192.0.2.0/24\n\n[desk1-auth]"
CHANGES = [
    ("recognized only by", PJSIP, "identify_by = ip\n", "identify_by = ip,username\n"),
    ("recognized only by", PJSIP, "identify_by = ip\n", ""),
    ("recognized only by", PJSIP, "order = ip,auth_username", "order = username,ip"),
    ("only the carrier's", PJSIP, "match = 198.51.100.0/30", "match = 198.0.0.0/8"),
    ("an access list", PJSIP, "type = acl", "type = none"),
    ("an access list", PJSIP, "permit = 192.0.2.0/24\n\n[trunk]", "permit = 0.0.0.0/0\n\n[trunk]"),
    ("no transfers", PJSIP, "allow_transfer = no", "allow_transfer = yes"),
    ("no transfers", PJSIP, "allow_subscribe = no", ""),
    ("no transfers", PJSIP, "trust_id_inbound = no", "trust_id_inbound = yes"),
    ("dead calls are ended", PJSIP, "rtp_timeout = 60", "rtp_timeout = 0"),
    ("dead calls are ended", PJSIP, "rtp_timeout = 60", "rtp_timeout = 3600"),
    ("dead calls are ended", PJSIP, "rtp_timeout = 3600", "rtp_timeout = 0"),
    ("dead calls are ended", PJSIP, "timers = yes", "timers = no"),
    ("dead calls are ended", PJSIP, "timers = always", "timers = yes"),
    ("dead calls are ended", PJSIP, "timers_sess_expires = 300", "timers_sess_expires = 3600"),
    ("dead calls are ended", PJSIP, "qualify_frequency = 60", "qualify_frequency = 0"),
    ("dead calls are ended", PJSIP, "qualify_frequency = 0", "qualify_frequency = 60"),
    ("listens only at", PJSIP, "bind = 192.0.2.10:5060", "bind = 0.0.0.0:5060"),
    ("TLS 1.2", PJSIP, "protocol = udp", "protocol = tls"),
    ("desk phones have", PJSIP, f"{SECRET}1", "password = 1234"),
    ("desk phones have", PJSIP, f"{SECRET}2", f"{SECRET}1"),
    ("desk phones have", PJSIP, "context = from-phone", "context = leg"),
    ("desk phones have", PJSIP, f"deny = 0.0.0.0/0\n{DESK1}", DESK1),
    ("loopback, one login", "manager.conf", "bindaddr = 127.0.0.1", "bindaddr = 0.0.0.0"),
    ("loopback, one login", "manager.conf", "webenabled = no", "webenabled = yes"),
    ("loopback, one login", "manager.conf", "deny = 0.0.0.0/0.0.0.0\n", ""),
    ("loopback, one login", "manager.conf", "secret = another-made-up-secret", "secret = office"),
    ("least rights", "manager.conf", "read = call,system,user", "read = all"),
    ("least rights", "manager.conf", "write = originate,call", "write = originate,call,system"),
    ("least rights", "manager.conf", "name(Hangup)", "name(Newchannel)"),
    ("least rights", "manager.conf", "method(starts_with)) = PJSIP/", "method(starts_with)) = "),
    ("least rights", "manager.conf", "writetimeout = 2000", "writetimeout = 20000"),
    ("no dangerous options", "asterisk.conf", "live_dangerously = no", "live_dangerously = yes"),
    ("no dangerous options", "asterisk.conf", "maxcalls = 320", ""),
    ("no dangerous options", "asterisk.conf", "console_shell = yes", "console_shell = no"),
    ("no dangerous options", EXTENSIONS, "OL_MAX_CALLS = 40", ""),
    ("modules by", "modules.conf", "autoload = no", "autoload = yes"),
    ("modules by", "modules.conf", "app_dial.so", "app_system.so"),
    ("audio ports", "rtp.conf", "rtpend = 10199", "rtpend = 20000"),
    ("audio ports", "rtp.conf", "strictrtp = yes", "strictrtp = no"),
    ("logs without", "logger.conf", "messages.log = notice", "messages.log = dtmf,notice"),
    ("logs without", "logger.conf", "security.log = security", "security.log = verbose"),
    ("cannot be changed at run time", EXTENSIONS, "writeprotect = yes", "writeprotect = no"),
    ("exact numbers", EXTENSIONS, "exten => +12125550100,1,", "exten => _X.,1,"),
    ("cleaned first", EXTENSIONS, f"{NUMBER}FILTER(+0-9,", f"{NUMBER}TOLOWER("),
    ("cleaned first", EXTENSIONS, " same => n,Set(CALLERID(rdnis)=)\n", ""),
    ("cleaned first", EXTENSIONS, NAME, f" same => n,NoOp()\n{NAME}"),
    ("no program", EXTENSIONS, " same => n,Hangup(16)", " same => n,System(reboot)"),
    ("no program", EXTENSIONS, "${OL_SHOW}", "${SHELL(id)}"),
    ("our own scripts", EXTENSIONS, "AGI(${OL_AGI}/route", "AGI(agi://192.0.2.1/route"),
    ("our own scripts", EXTENSIONS, "OL_AGI = agi://127.0.0.1:", "OL_AGI = agi://192.0.2.1:"),
    ("our own scripts", EXTENSIONS, "AGI(${OL_STANDBY},", "AGI(/tmp/script,"),
    ("cannot get out", EXTENSIONS, "[from-trunk]", "[from-trunk]\ninclude => leg"),
    ("cannot get out", EXTENSIONS, "Goto(call,s,1)", "Dial(PJSIP/${EXTEN}@trunk-out)"),
    ("every context handles", EXTENSIONS, "exten => T,1,Goto(failsafe,s,1)\n", ""),
]  # fmt: skip


BY_TLS = replace(
    BY_ADDRESS,
    sip=replace(
        BY_ADDRESS.sip,
        trunk=replace(BY_ADDRESS.sip.trunk, encrypted=True),
        tls=Tls(5061, certificate="/etc/officeline/own.pem", key="/etc/officeline/own.key"),
    ),
)


def still_open(files: dict[str, str]) -> list[str]:
    """Name the locks that these files leave open."""
    written = Written(files)
    return [name for _, name, check in (*WRITTEN, *DIALPLAN) if list(check(written))]


def test_every_lock_is_shut() -> None:
    """The files of an office with two phones and a carrier by address have every lock."""
    assert still_open(FILES) == []


def test_a_carrier_whose_name_has_no_address_leaves_one_open() -> None:
    """An access list knows addresses alone; nobody is the carrier until its name has one."""
    assert still_open(office_files(BY_REGISTRATION)) == [
        "only the carrier's addresses count as the carrier",
        "an access list refuses all other addresses",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("method = tlsv1_2", "method = tlsv1"),
        ("verify_server = yes", "verify_server = no"),
        ("media_encryption = sdes", "media_encryption = no"),
    ],
)
def test_an_encrypted_trunk_is_looked_at(old: str, new: str) -> None:
    """It is shut, names our own certificate, and each weakness of it is seen."""
    files = office_files(BY_TLS)
    assert still_open(files) == []
    assert "cert_file = /etc/officeline/own.pem\npriv_key_file = " in files[PJSIP]
    weak = {**files, PJSIP: files[PJSIP].replace(old, new, 1)}
    assert still_open(weak) == ["TLS 1.2 and SRTP if TLS is used"]


@pytest.mark.parametrize(("lock", "file", "old", "new"), CHANGES)
def test_a_change_is_seen(lock: str, file: str, old: str, new: str) -> None:
    """Each lock can be found open, and no other with it."""
    assert old in FILES[file]
    (found,) = still_open({**FILES, file: FILES[file].replace(old, new, 1)})
    assert lock in found


def test_no_file_is_no_lock() -> None:
    """What is not there does not count as shut."""
    assert len(still_open({})) == 11
