"""Render one office's Asterisk files from its configuration, secrets and ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dialplan import names
from dialplan.extensions import DialplanFacts
from dialplan.pjsip import SipFacts, Tls, Trunk
from dialplan.render import OfficeFacts, office_files
from dialplan.system import Folders
from pbx.asterisk.engine.ports import PortBlock, Ports
from pbx.asterisk.engine.runtime import Runtime
from pbx.base import disk, letters
from pbx.base.phone_numbers import national_forms
from pbx.calls.conversation import Book
from pbx.config import hosts
from pbx.config.home import Home
from pbx.config.plan import Configuration
from pbx.config.secrets import Secrets
from routing.model import Plan
from routing.outbound import shown


def dial_strings(plan: Plan, secrets: Secrets) -> Book:
    """Map each person in the plan to their dial strings by contact; desk phones by their id."""
    people = {
        person: {
            **{via: f"PJSIP/{e164}@{names.TRUNK_OUT}" for via, e164 in numbers.items()},
            **{one.via: f"PJSIP/{one.via}" for one in known.contacts if one.via in plan.phones},
        }
        for person, known in plan.people.items()
        if (numbers := secrets.contacts(person)) or known.contacts
    }
    return {**people, **{phone: {phone: f"PJSIP/{phone}"} for phone in plan.phones}}


def choose_ports(configuration: Configuration, home: Home) -> tuple[Ports, PortBlock]:
    """Return the ports of the office's file, else this home's earlier ports, else free ones.

    The SIP port never changes by itself, because the carrier and the desk phones use it.
    """
    before = home.known_ports()
    again = None if before is None else PortBlock.again(before)
    block = again or PortBlock.take()
    full = disk.trouble(home.folder) is not None  # then the files still name the last ports
    own = before if before is not None and (again is not None or full) else block.ports
    own = own if before is None else replace(own, sip=before.sip, tls=before.tls or own.tls)
    network = configuration.network
    first, _, last = (network.rtp_ports or "").partition("-")
    ports = replace(
        own,
        sip=network.sip_port or own.sip,
        ami=network.ami_port or own.ami,
        agi=network.agi_port or own.agi,
        tls=network.tls_port or own.tls,
        rtp_first=int(first or own.rtp_first),
        rtp_last=int(last or own.rtp_last),
    )
    return ports, block


def named_ports(configuration: Configuration) -> Ports | None:
    """Return the ports of an Asterisk that somebody else runs, if the file names them."""
    network = configuration.network
    if network.ami_port is None or network.agi_port is None:
        return None
    return Ports(network.sip_port or 0, network.ami_port, network.agi_port, 0, 0)


def asterisk_files(
    configuration: Configuration,
    secrets: Secrets,
    home: Home,
    runtime: Runtime,
    ports: Ports,
    known: hosts.Known | None = None,
) -> Mapping[str, str]:
    """Render all of Asterisk's files; look up host names that are not in `known`."""
    plan = configuration.plan
    if known is None:
        known = hosts.look_up(hosts.names_of(configuration))
    own = {shown(plan, None), *(line.did for line in plan.lines)}
    dial = dial_strings(plan, secrets)
    # the failsafe dials these if it knows nothing newer, the mobile first
    people = {
        person: next(iter(contacts.values()))
        for person, contacts in dial.items()
        if person in plan.people and contacts
    }
    spoken, music = home.sounds / plan.office.language, str(home.sounds / "moh" / "music")
    facts = OfficeFacts(
        folders=Folders(str(home.asterisk), str(runtime.modules)),
        sip=SipFacts(
            bind=configuration.network.bind,
            port=ports.sip,
            trunk=_trunk(configuration, secrets, known),
            phones={phone: secrets.phones[phone] for phone in plan.phones},
            phone_networks=hosts.addresses(configuration.network.phones, known),
            tls=_tls(configuration, ports),
        ),
        calls=DialplanFacts(
            dids=tuple(line.did for line in plan.lines),
            backlines=tuple(line.did for line in plan.lines if line.backline),
            number=shown(plan, None),
            name=letters.plain(plan.office.name),
            agi=f"127.0.0.1:{ports.agi}",
            token=secrets.token,
            messages=str(home.messages),
            people=people,
            fallback=tuple(person for person in plan.physicians() if person in people),
            standby=str(home.standby_script),
            max_calls=configuration.trunk.max_calls,
            phones=tuple(plan.phones),
            national={number: national_forms(number) for number in sorted(own)},
            user=_user(configuration),
        ),
        manager_port=ports.ami,
        manager_secret=secrets.manager,
        rtp=(ports.rtp_first, ports.rtp_last),
        hold={
            names.HOLD_CLASS: (music, str(spoken / "hold-sentence")),
            names.HOLD_BACKLINE: (music, str(spoken / "hold-backline")),
            names.HOLD_TALK: (music,),
        },
    )
    return office_files(facts)


def waits_for_start(running: Configuration, wanted: Configuration) -> list[str]:
    """List the differences that take effect only at the next start."""
    wants = _in_files(wanted)
    return [what for what, value in _in_files(running).items() if value != wants[what]]


def _in_files(configuration: Configuration) -> dict[str, object]:
    """Map a plain name to each value that is read only at a start."""
    plan = configuration.plan
    return {
        "the lines' numbers": {line.did for line in plan.lines},
        "which lines are for hospitals": {line.did for line in plan.lines if line.backline},
        "the desk phones": set(plan.phones),
        "the office's name, number or language": (
            plan.office.name,
            plan.office.number,
            plan.office.language,
        ),
        "whom the failsafe knows": (set(plan.people), plan.physicians()),
        "the trunk": configuration.trunk,
        "the network": configuration.network,
        "the broker of the events": configuration.mqtt,
        "the port of the metrics": configuration.metrics,
    }


def _trunk(configuration: Configuration, secrets: Secrets, known: hosts.Known) -> Trunk:
    table = configuration.trunk
    return Trunk(
        kind=table.kind,
        host=table.host,
        port=table.port,
        addresses=hosts.addresses(table.addresses, known),
        username=table.username or "",
        secret=secrets.trunk,
        encrypted=table.transport == "tls",
    )


def _user(configuration: Configuration) -> str:
    """Return the user that a carrier we register with may call instead of a number; else ""."""
    table = configuration.trunk
    return (table.username or "") if table.kind == "registration" else ""


def _tls(configuration: Configuration, ports: Ports) -> Tls | None:
    """Return the TLS settings; None if the carrier does not use TLS."""
    if configuration.trunk.transport != "tls":
        return None
    network = configuration.network
    return Tls(ports.tls, certificate=network.certificate or "", key=network.key or "")
