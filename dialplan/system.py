"""Asterisk's own files around the dialplan: folders, modules, log, RTP, records, hold music."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dialplan.conf import join_sections, section

# Only modules that our calls need are loaded; others would add attack surface and start time.
MODULES = (
    # timing, storage and media
    "res_timing_timerfd",
    "res_sorcery_config",
    "res_sorcery_memory",
    "res_sorcery_astdb",
    "res_crypto",
    "res_rtp_asterisk",
    "res_srtp",
    "codec_ulaw",
    "codec_alaw",
    "codec_g722",
    "codec_resample",
    "format_wav",
    "format_sln",
    "res_musiconhold",
    # SIP
    "res_pjproject",
    "res_pjsip",
    "res_pjsip_acl",
    "res_pjsip_session",
    "res_pjsip_pubsub",  # chan_pjsip needs it even when nothing subscribes
    "res_pjsip_sdp_rtp",
    "res_pjsip_caller_id",
    "res_pjsip_authenticator_digest",
    "res_pjsip_outbound_authenticator_digest",
    "res_pjsip_outbound_registration",
    "res_pjsip_registrar",
    "res_pjsip_endpoint_identifier_ip",
    "res_pjsip_endpoint_identifier_user",
    "res_pjsip_dtmf_info",
    "res_pjsip_header_funcs",  # whether a number that came is withheld
    "res_pjsip_dlg_options",  # carriers ask within a call whether it is still there (OPTIONS)
    "res_pjsip_empty_info",  # or by an INFO without a body
    "res_pjsip_nat",
    "res_pjsip_rfc3326",
    "chan_pjsip",
    "res_security_log",
    # bridging
    "bridge_simple",
    "bridge_native_rtp",
    # dialplan applications and functions
    "pbx_config",
    "app_dial",
    "app_originate",  # rings the desk phones if somebody calls 911
    "app_playback",
    "app_read",
    "app_record",
    "app_softhangup",  # ends a leg that has rung long enough
    "app_senddtmf",  # a canary call sends its key and a menu key
    "app_stack",
    "app_userevent",
    "func_callerid",
    "func_cdr",
    "func_channel",
    "func_db",
    "func_devstate",  # whether the carrier answers
    "func_groupcount",
    "func_hangupcause",  # tells whether the carrier responded before any phone rings
    "func_lock",  # if two people accept at once, only one gets the call
    "func_logic",
    "func_module",  # checks that app_originate is loaded
    "func_strings",
    "func_timeout",
    "res_speech",  # res_agi is linked against it
    "res_agi",
    # Asterisk's own call records
    "res_cdrel_custom",  # cdr_custom is built on it
    "cdr_custom",
)

# Times are seconds since 1970 (u), which stay unique when clocks change. lastdata is left out
# because it contains the mobile number that was dialed.
CDR_FIELDS = (
    "CDR(start,u)",
    "CDR(answer,u)",
    "CDR(end,u)",
    "CDR(src)",
    "CDR(dst)",
    "CDR(dcontext)",
    "CDR(channel)",
    "CDR(dstchannel)",
    "CDR(disposition)",
    "CDR(billsec)",
    "CDR(uniqueid)",
    "CDR(userfield)",  # how many ms a patient that we called was connected
    "CDR(linkedid)",
)

CDR_FILE = "calls.csv"

# Files that built-in parts of Asterisk look for at start; we want their defaults.
_DEFAULTS = ("cel", "features", "udptl", "ccss", "pjproject", "sorcery")


@dataclass(frozen=True)
class Folders:
    """Absolute paths as text: the folder of one Asterisk, and the folder of its modules."""

    home: str
    modules: str


LEGS = 3  # average number of legs that ring at once for a caller
PARTS = 2  # channels that Asterisk counts for each leg: the leg and its watcher
# Channels that the dialplan's limits do not count: desk phones that dial 911 or are notified of it,
# physicians on follow-up calls, and the heartbeat.
RESERVED = 40


def asterisk_conf(folders: Folders, *, max_calls: int, verbose: int = 0) -> str:
    """Return asterisk.conf, with every directory set and nothing dangerous allowed.

    The dialplan itself limits callers to `max_calls` and the legs that ring for them. Asterisk's
    own limit is higher than both together, so that there is always room for a call to 911.
    """
    home = folders.home
    directories = {
        "astetcdir": f"{home}/etc",
        "astmoddir": folders.modules,
        "astvarlibdir": f"{home}/lib",
        "astdbdir": f"{home}/db",
        "astkeydir": home,
        "astdatadir": f"{home}/lib",
        "astagidir": f"{home}/agi",
        "astspooldir": f"{home}/spool",
        "astrundir": f"{home}/run",
        "astlogdir": f"{home}/log",
        "astsbindir": f"{home}/run",
    }
    options: dict[str, object] = {
        "verbose": verbose,
        "maxcalls": max_calls * (1 + LEGS * PARTS) + RESERVED,
        "live_dangerously": "no",
        "disable_remote_console_shell": "yes",
        "dumpcore": "no",
        "nocolor": "yes",
        "documentation_language": "en_US",
        "defaultlanguage": "en",
        "hideconnect": "yes",
        # carriers drop a call that sends no audio for long, as while a message is recorded
        "transmit_silence": "yes",
    }
    return join_sections(
        "Where this Asterisk lives and how far it may go.",
        section("directories", directories),
        section("options", options),
    )


def modules_conf(extra: Sequence[str] = ()) -> str:
    """Return modules.conf: the allow-list and the `extra` names, loaded in this order."""
    names = (*MODULES, *extra)
    pairs: list[tuple[str, object]] = [("autoload", "no")]
    pairs += [("load", f"{module}.so") for module in names]
    return join_sections("Every module that may run.", section("modules", pairs))


def logger_conf(*, verbose: bool = False) -> str:
    """Return logger.conf; verbose logs contain dialed numbers, so only tests may use them."""
    levels = "notice,warning,error" + (",verbose" if verbose else "")
    return join_sections(
        "What Asterisk writes down; verbose is off because it names dialed numbers.",
        section("general", {"dateformat": "%F %T.%3q", "appendhostname": "no", "queue_log": "no"}),
        section("logfiles", {"messages.log": levels, "security.log": "security"}),
    )


def rtp_conf(first: int, last: int) -> str:
    """Return rtp.conf for a narrow port range (inclusive) with strict RTP."""
    options: dict[str, object] = {
        "rtpstart": first,
        "rtpend": last,
        "strictrtp": "yes",
        "icesupport": "no",
    }
    return join_sections("The audio ports.", section("general", options))


def cdr_files() -> dict[str, str]:
    """Return the files that make Asterisk keep its own call records, apart from our database."""
    fields = ",".join(f"${{CSV_QUOTE(${{{field}}})}}" for field in CDR_FIELDS)
    general: dict[str, object] = {
        "enable": "yes",
        "unanswered": "yes",
        "congestion": "yes",
        "batch": "no",
    }
    return {
        "cdr.conf": join_sections("Call detail records are kept.", section("general", general)),
        "cdr_custom.conf": join_sections(
            "The second ledger; without the last application's data, which holds numbers.",
            section("mappings", {CDR_FILE: fields}),
        ),
    }


def musiconhold_conf(classes: Mapping[str, Sequence[str]]) -> str:
    """Return musiconhold.conf; each class loops its files (absolute paths without extension)."""
    sections = []
    for title, entries in classes.items():
        pairs: list[tuple[str, object]] = [("mode", "playlist")]
        pairs += [("entry", entry) for entry in entries]
        sections.append(section(title, pairs))
    return join_sections("What a waiting caller hears.", *sections)


def default_files() -> dict[str, str]:
    """Return the files that Asterisk would otherwise report as missing."""
    files = {
        f"{stem}.conf": join_sections("Asterisk's defaults.", section("general"))
        for stem in _DEFAULTS
    }
    files["acl.conf"] = join_sections("No named access lists.")
    files["stasis.conf"] = join_sections(
        "Nobody is told of variables: they hold numbers, and each would be an event.",
        section("declined_message_types", {"decline": "ast_channel_varset_type"}),
    )
    tones = {"ringcadence": "2000,4000", "ring": "440+480/2000,0/4000", "busy": "480+620/500,0/500"}
    files["indications.conf"] = join_sections(
        "The tones of North America.",
        section("general", {"country": "us"}),
        section("us", {"description": "United States", **tones, "congestion": "480+620/250,0/250"}),
    )
    return files
