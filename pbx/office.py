"""One office's Asterisk: from configuration, vault and ports to the files that it runs on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dialplan import names
from dialplan.extensions import DialplanFacts
from dialplan.pjsip import SipFacts, Trunk
from dialplan.render import OfficeFacts, office_files
from dialplan.system import Folders
from pbx.engine.ports import PortBlock, Ports
from pbx.engine.runtime import Runtime
from pbx.home import Home
from pbx.plan import Configuration
from pbx.vault import Vault
from routing.model import Plan


def dial_strings(plan: Plan, vault: Vault) -> dict[str, str]:
    """Map everybody who can be reached to what Asterisk dials: mobiles and desk phones."""
    mobiles = {
        person: f"PJSIP/{vault.mobiles[person]}@{names.TRUNK_OUT}"
        for person in plan.people
        if person in vault.mobiles
    }
    return {**mobiles, **{phone: f"PJSIP/{phone}" for phone in plan.phones}}


def choose_ports(configuration: Configuration) -> tuple[Ports, PortBlock]:
    """Take a free block of ports, with those that the file names in place of the block's own."""
    block = PortBlock.take()
    network = configuration.network
    first, _, last = (network.rtp_ports or "").partition("-")
    ports = replace(
        block.ports,
        sip=network.sip_port or block.ports.sip,
        ami=network.ami_port or block.ports.ami,
        agi=network.agi_port or block.ports.agi,
        rtp_first=int(first or block.ports.rtp_first),
        rtp_last=int(last or block.ports.rtp_last),
    )
    return ports, block


def named_ports(configuration: Configuration) -> Ports | None:
    """Return the ports of an Asterisk that somebody else runs, if the file names them."""
    network = configuration.network
    if network.ami_port is None or network.agi_port is None:
        return None
    return Ports(network.sip_port or 0, network.ami_port, network.agi_port, 0, 0)


def asterisk_files(
    configuration: Configuration, vault: Vault, home: Home, runtime: Runtime, ports: Ports
) -> Mapping[str, str]:
    """Render all of Asterisk's files for this office; the same input gives the same bytes."""
    plan = configuration.plan
    dial = dial_strings(plan, vault)
    people = {person: dial[person] for person in plan.people if person in dial}
    sentence = home.sounds / plan.office.language / "hold-sentence"
    facts = OfficeFacts(
        folders=Folders(str(home.asterisk), str(runtime.modules)),
        sip=SipFacts(
            bind=configuration.network.bind,
            port=ports.sip,
            trunk=_trunk(configuration, vault),
            phones={phone: vault.phones[phone] for phone in plan.phones},
            phone_networks=tuple(configuration.network.phones),
        ),
        calls=DialplanFacts(
            dids=tuple(line.did for line in plan.lines),
            number=plan.office.number,
            name=plan.office.name,
            agi=f"127.0.0.1:{ports.agi}",
            token=vault.token,
            messages=str(home.messages),
            people=people,
            fallback=tuple(person for person in plan.physicians() if person in people),
        ),
        manager_port=ports.ami,
        manager_secret=vault.manager,
        rtp=(ports.rtp_first, ports.rtp_last),
        max_calls=configuration.trunk.max_calls,
        hold=(str(home.sounds / "moh" / "music"), str(sentence)),
    )
    return office_files(facts)


def _trunk(configuration: Configuration, vault: Vault) -> Trunk:
    table = configuration.trunk
    return Trunk(
        kind=table.kind,
        host=table.host,
        port=table.port,
        addresses=tuple(table.addresses),
        username=table.username or "",
        secret=vault.trunk,
    )
