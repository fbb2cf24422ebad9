"""SIP's torture messages after RFC 4475, aimed at one number of the office, and hostile names.

In a text `{did}` is the number, `{me}` our host and port, `{host}` our host, `{office}` the
office's host and port and `{id}` new for each message. A line break is CRLF when it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping

SDP = (
    "v=0\no=mhandley 29739 7272939 IN IP4 {host}\ns=-\nc=IN IP4 {host}\nt=0 0\n"
    "m=audio 49217 RTP/AVP 0 12\n"
)
INVITE, REGISTER, OPTIONS = (
    f"{word} sip:{{did}}@{{office}} SIP/2.0" for word in ("INVITE", "REGISTER", "OPTIONS")
)
DEFAULTS = (
    "Via: SIP/2.0/UDP {me};rport;branch=z9hG4bK{id}",
    "Max-Forwards: 70",
    "From: <sip:+19175550123@{host}>;tag={id}",
    "To: <sip:{did}@{office}>",
    "Call-ID: {id}",
    "Contact: <sip:{me}>",
)
COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
}


def message(start: str, *lines: str, without: str = "", body: str = "") -> str:
    """Write a message of these lines, and of the usual ones that they do not replace."""
    given = {line.partition(":")[0].strip().lower() for line in lines}
    given = {COMPACT.get(name, name) for name in given} | {*without.split()}
    usual = [*DEFAULTS, f"CSeq: 1 {start.split(maxsplit=1)[0]}", f"Content-Length: {len(body)}"]
    if body:
        usual.append("Content-Type: application/sdp")
    kept = [line for line in usual if line.partition(":")[0].lower() not in given]
    return "\n".join([start, *kept, *lines]) + "\n\n" + body


LONG = "unreasonablylong" * 30
# By the section and name of the RFC. What is valid must be understood; what is not must be survived.
VALID: Mapping[str, str] = {
    "3.1.1.1 wsinv": message(
        INVITE, "TO :\n <sip:{did}@{office}>   ", 'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@{host}>\n  ;\n  tag = 98asjd8{id}',
        "MaX-fOrWaRdS: 0068", "Call-ID: wsinv.{id}", "CSeq: 0009\n  INVITE",
        "Via  : SIP  /   2.0\n /UDP\n    {me};rport;branch=z9hG4bK{id}", "s :",
        "NewFangledHeader:   newfangled value\n continued newfangled value",
        "UnknownHeaderWithUnusualValue: ;;,,;;,;", "Route:\n <sip:{office};lr;unknownwith=value;unknown-no-value>",
        'm:"Quoted string \\"\\"" <sip:{me}> ; newparam =\n      newvalue ;\n  secondparam ; q = 0.33',
    ),
    "3.1.1.2 intmeth": message(
        "!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@{office} SIP/2.0",
        "To: \"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f\" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@{office}>",
        "extensionHeader-!.%*+_`'~:\ufeff\u5927\u505c\u96fb",
    ),
    "3.1.1.3 esc01": message("INVITE sip:sips%3Auser%40example.com@{office} SIP/2.0", "Contact: <sip:cal%6Cer@{me};%6C%72;n%61me=v%61lue%25%34%31>", body=SDP),
    "3.1.1.4 escnull": message(REGISTER, "From: sip:null-%00-null@{host};tag={id}", "Contact: <sip:%00@{me}>", "Contact: <sip:%00%00@{me}>"),
    "3.1.1.5 esc02": message("RE%47IST%45R sip:{office} SIP/2.0", 'From: "%Z%45" <sip:resource@{host}>;tag={id}'),
    "3.1.1.6 lwsdisp": message(OPTIONS, "From: caller<sip:caller@{host}>;tag={id}"),
    "3.1.1.7 longreq": message(
        INVITE, f'To: "I have a user name of {LONG}" <sip:{{did}}@{{office}}:5060;{LONG}=value;{LONG}>',
        f"From: sip:{LONG}@{{host}};tag={LONG}{{id}};{LONG}no-value", f"Call-ID: longreq.{LONG}{{id}}",
        f"Unknown-{LONG}-Header: unknown-{LONG}-value; unknown-{LONG}-parameter-name = unknown-{LONG}-value",
        *(f"Via: SIP/2.0/TCP sip{n}.example.com" for n in range(33, 0, -1)), body=SDP,
    ),
    "3.1.1.8 dblreq": message(REGISTER) + message(INVITE, body=SDP),
    "3.1.1.9 semiuri": message("OPTIONS sip:user;par=u%40example.net@{office} SIP/2.0"),
    "3.1.1.10 transports": message(OPTIONS, *(f"Via: SIP/2.0/{kind} t.example.com;branch=z9hG4bK{kind}{{id}}" for kind in ("UDP", "SCTP", "TLS", "UNKNOWN", "TCP"))),
    "3.1.1.11 mpart01": message("MESSAGE sip:{did}@{office} SIP/2.0", "Content-Type: multipart/mixed;boundary=7a9cbec02ceef655", "Content-Length: 90", body="--7a9cbec02ceef655\nContent-Type: text/plain\n\nHello\n--7a9cbec02ceef655--\n"),
    "3.1.1.12 unreason": message("SIP/2.0 200 = 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e \u0434\u0435\u0432\u044f\u043d\u043e\u0441\u0442\u043e", "CSeq: 35 INVITE"),
    "3.1.1.13 noreason": message("SIP/2.0 100 ", "CSeq: 35 INVITE"),
    "3.4.1 inv2543": message(INVITE, "Via: SIP/2.0/UDP {me}", "From: <sip:+19175550123@{host}>", without="max-forwards contact", body=SDP),
}  # fmt: skip
INVALID: Mapping[str, str] = {
    "3.1.2.1 badinv01": message(INVITE, "Via: SIP/2.0/UDP {me};;,;,,", 'Contact: "Joe" <sip:joe@example.org>;;;;'),
    "3.1.2.2 clerr": message(INVITE, "Content-Length: 9999", "Content-Type: application/sdp", body=SDP),
    "3.1.2.3 ncl": message(INVITE, "Content-Length: -999", "Content-Type: application/sdp", body=SDP),
    "3.1.2.4 scalar02": message(REGISTER, "CSeq: 36893488147419103232 REGISTER", "Max-Forwards: 300", "Expires: 1000000000000000000000000000000000", "Contact: <sip:u@{me}>;expires=280297596632815"),
    "3.1.2.5 scalarlg": message("SIP/2.0 503 Service Unavailable", "CSeq: 9292394834772304023312 OPTIONS", "Retry-After: 949302838503028349304023988", 'Warning: 1812 overture "In Progress"'),
    "3.1.2.6 quotbal": message(INVITE, 'To: "Mr. J. User <sip:{did}@{office}>', body=SDP),
    "3.1.2.7 ltgtruri": message("INVITE <sip:{did}@{office}> SIP/2.0", body=SDP),
    "3.1.2.8 lwsruri": message("INVITE sip:{did}@{office}; lr SIP/2.0", body=SDP),
    "3.1.2.9 lwsstart": message("INVITE  sip:{did}@{office}  SIP/2.0", body=SDP),
    "3.1.2.10 trws": message("OPTIONS sip:{did}@{office} SIP/2.0  "),
    "3.1.2.11 escruri": message("INVITE sip:{did}@{office}?Route=%3Csip:example.com%3E SIP/2.0", body=SDP),
    "3.1.2.12 baddate": message(INVITE, "Date: Fri, 01 Jan 2010 16:00:00 EST", body=SDP),
    "3.1.2.13 regbadct": message(REGISTER, "Contact: sip:user@{me}?Route=%3Csip:sip.example.com%3E"),
    "3.1.2.14 badaspec": message("OPTIONS sip:{did}@{office} SIP/2.0", 'To: "Watson, Thomas" < sip:t.watson@{office} >', 'From: "Bell, Alexander" <sip:a.g.bell@{host}>;tag={id}'),
    "3.1.2.15 baddn": message(OPTIONS, "From: Bell, Alexander <sip:a.g.bell@{host}>;tag={id}", "To: Watson, Thomas <sip:{did}@{office}>"),
    "3.1.2.16 badvers": message("OPTIONS sip:{did}@{office} SIP/7.0", "Via: SIP/7.0/UDP {me};rport;branch=z9hG4bK{id}"),
    "3.1.2.17 mismatch01": message(OPTIONS, "CSeq: 8 INVITE"),
    "3.1.2.18 mismatch02": message("NEWMETHOD sip:{did}@{office} SIP/2.0", "CSeq: 8 INVITE", body=SDP),
    "3.1.2.19 bigcode": message("SIP/2.0 4294967301 better not break the receiver", "CSeq: 353494 INVITE"),
    "3.2.1 badbranch": message(OPTIONS, "Via: SIP/2.0/UDP {me};rport;branch=z9hG4bK"),
    "3.3.1 insuf": message(INVITE, without="call-id from to", body=SDP),
    "3.3.2 unkscm": message("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"),
    "3.3.3 novelsc": message("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"),
    "3.3.4 unksm2": message(REGISTER, "To: isbn:2983792873", "From: <http://www.example.com>;tag={id}", "Contact: <name:John_Smith>"),
    "3.3.5 bext01": message(OPTIONS, "Proxy-Require: nothingSupportsThis, nothingSupportsThisEither", "Require: nothingSupportsThis"),
    "3.3.6 invut": message(INVITE, "Content-Type: application/unknownformat", "Content-Length: 38", body='<audio>\n <pcmu port="443"/>\n</audio>\n'),
    "3.3.7 regaut01": message(REGISTER, "Authorization: NoOneKnowsThisScheme opaque-data=here"),
    "3.3.8 multi01": message(INVITE, "CSeq: 5 INVITE", "CSeq: 59 INVITE", "Call-ID: a{id}", "Call-ID: b{id}", "From: <sip:a@{host}>;tag=1", "From: <sip:b@{host}>;tag=2", "Max-Forwards: 70", "Max-Forwards: 5", body=SDP),
    "3.3.9 mcl01": message(OPTIONS, "Content-Length: 13", "Content-Length: 5", body="There's no way to know"),
    "3.3.10 bcast": message("SIP/2.0 200 OK", "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1", "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK2", "CSeq: 1 INVITE"),
    "3.3.11 zeromf": message(OPTIONS, "Max-Forwards: 0"),
    "3.3.12 cparam01": message(REGISTER, "Contact: sip:+19725552222@{me};unknownparam"),
    "3.3.13 cparam02": message(REGISTER, "Contact: <sip:+19725552222@{me};unknownparam>"),
    "3.3.14 regescrt": message(REGISTER, "Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>"),
    "3.3.15 sdp01": message(INVITE, "Accept: text/nobodyKnowsThis", body=SDP),
    "no end": "INVITE sip:{did}@{office} SIP/2.0\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{id}",
    "nothing but breaks": "\n\n\n\n\n\n\n\n",
    "a NUL in every header": message(INVITE, "From: <sip:a\0b@{host}>;tag={id}", "X: \0\0", body=SDP),
    "a Via too many": message(INVITE, *(f"Via: SIP/2.0/UDP 192.0.2.{n % 250}:5060;branch=z9hG4bK{n}" for n in range(600))),
    "a deep Content-Type": message(INVITE, "Content-Type: multipart/mixed;boundary=" + "b" * 9000, body=SDP),
    "SDP without end": message(INVITE, body=SDP + "a=rtpmap:0 PCMU/8000\n" * 900),
    "SDP of lies": message(INVITE, body="v=0\no=- 1 1 IN IP4 {host}\ns=-\nc=IN IP4 999.1.1.1\nt=0 0\nm=audio 99999 RTP/AVP 0 0 0 0 300 -1\nm=video\na=\n"),
}  # fmt: skip

FORGED = "Forged"  # what no event, log or table may hold as a name or a line of its own


def escaped(text: str | bytes) -> str:
    """Write every byte of a text as SIP can carry it in a user's name."""
    data = text.encode() if isinstance(text, str) else text
    return "".join(f"%{byte:02x}" for byte in data)


# A caller's number (percent-encoded where it must be) and name
HOSTILE: Mapping[str, tuple[str, str]] = {
    "AMI header": (escaped(f"1\r\n{FORGED}: yes\r\nOL_VERDICT: 1"), "x"),
    "AMI event": (escaped(f"1\r\n\r\nEvent: {FORGED}\r\nUniqueid: 1.1\r\n\r\n"), "x"),
    "AMI user event": (escaped("1\r\n\r\nEvent: UserEvent\r\nUserEvent: OfficeLine\r\nWhat: leg-accepted\r\nWho: lee\r\n\r\n"), "x"),
    "AGI header": (escaped(f"1\nagi_{FORGED.lower()}: yes\nagi_arg_1: 9\n\n"), "x"),
    "AGI verdict": (escaped("1\n200 result=1\nagi_uniqueid: 1.1\n\n"), "agi_arg_2: 1"),
    "AGI variable": ("1", "x,OL_VERDICT=1.1/1,OL_DO=goodbye"),
    "dialplan": (escaped("${SHELL(touch /tmp/forged)}"), "${SHELL(touch /tmp/forged)}$[1/0]"),
    "SQL": (escaped("1'; DROP TABLE calls;--"), "Robert'); DROP TABLE calls;--"),
    "CSV": (escaped(f'1","{FORGED}"\r\n"{FORGED}",""'), "=HYPERLINK(1)"),
    "shell": (escaped("$(reboot)`reboot`|reboot&"), "$(reboot)`reboot`"),
    "path": (escaped("../../../../etc/passwd"), "../../../../etc/passwd"),
    "terminal": (escaped("\x1b[2J\x1b]0;x\x07"), "\x1b[2J"),
    "bad UTF-8": (escaped(b"\xff\xfe\xc0\xaf\xed\xa0\x80"), "\udcff\udcfe\udcc0\udcaf"),
    "overlong": (escaped(b"\xf8\x88\x80\x80\x80"), "\udcf8\udc88\udc80"),
    "direction": (escaped("\u202e0015559"), "\u202eeel"),
    "NUL": (escaped("1\0" + FORGED), "x"),
    "a name of 10 kB": ("1", "N" * 10_000),
    "a number of 10 kB": ("9" * 10_000, "x"),
    "only signs": (escaped("-+-+()"), ";;;,,,<<<"),
    "Local channel": (escaped("Local/lee@leg/n"), "PJSIP/911@trunk-out"),
    "semicolon": (escaped("1;isub=2;phone-context=x"), "a;b"),
    "the office": ("+12125550100", "Lakeside Internal Medicine"),
    "911": ("911", "911"),
}  # fmt: skip
