"""The morning sheet as one page that stands alone: to be read, printed, filled in and signed."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from pbx.db.inbox import Item
from pbx.reports.display import Shown, is_breached
from pbx.reports.frame import page
from pbx.reports.morning import Moment, Night, NightCall
from pbx.reports.table import reported

_STYLE = """
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; white-space: nowrap; }
@media print { th, td { white-space: normal; } }
article { border: 1px solid var(--rule); border-radius: 6px; padding: .7rem 1rem; margin: .8rem 0;
  break-inside: avoid; }
article h3 { font-size: 1rem; margin: 0 0 .4rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
.blank { border-bottom: 1px solid var(--rule); height: 1.9rem; color: var(--faint);
  display: flex; align-items: end; }
.pair { display: grid; grid-template-columns: 2fr 1fr; gap: 1.5rem; }
"""


def sheet(night: Night, shown: Shown, accounts: Iterable[str]) -> str:
    """Write the page; `accounts` are its last sentences, of the calls and of the audit."""
    calls = "\n".join(_call(one, night, shown) for one in in_order(night, shown))
    body = f"""<p class="faint">From {shown.time(night.start)} to {shown.time(night.end)};
as it stood at {shown.time(shown.now)}.</p>
<h2>Still to be done</h2>
{_to_do(to_do(night, shown), shown)}
<h2>Calls after hours</h2>
{calls or "<p>Nobody called.</p>"}
<h2>Accounts</h2>
{"".join(f"<p>{escape(sentence)}</p>" for sentence in accounts)}
<div class="pair"><div class="blank">Reviewed by</div><div class="blank">Date, time</div></div>"""
    title = f"{shown.plan.office.name}: the night to {night.day:%A, %d %B %Y}"
    return page(title, body, _STYLE)


def to_do(night: Night, shown: Shown) -> list[Item]:
    """List the messages that are open, and those of the night whose promise was broken."""
    found = {item.message.id: item for item in night.still_open}
    for call in night.calls:
        if call.item is not None and is_breached(call.item.view, shown.plan, shown.now):
            found.setdefault(call.item.message.id, call.item)
    return sorted(
        found.values(),
        key=lambda item: (
            not is_breached(item.view, shown.plan, shown.now),
            item.message.urgency != "urgent",
            item.message.opened_at,
        ),
    )


def in_order(night: Night, shown: Shown) -> list[NightCall]:
    """Sort the calls: those with a message that is open or was breached first, then by time."""
    waiting = {item.message.id for item in to_do(night, shown)}
    return sorted(
        night.calls,
        key=lambda one: (
            one.item is None or one.item.message.id not in waiting,
            one.call.started_at,
        ),
    )


def _to_do(items: Iterable[Item], shown: Shown) -> str:
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td>{escape(cell)}</td>"
            for cell in (
                item.message.id,
                item.message.urgency,
                item.message.state,
                shown.time(item.message.opened_at),
                _who(item.message.callback_number, shown),
                item.message.owner or "nobody",
            )
        )
        + (
            '<td class="bad">BREACHED</td>'
            if is_breached(item.view, shown.plan, shown.now)
            else "<td></td>"
        )
        + "</tr>\n"
        for item in items
    )
    if not rows:
        return "<p>Nothing: every message is closed.</p>"
    heads = ("message", "urgency", "state", "opened", "patient", "owner", "")
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Still to be done"><table>'
        f"\n<tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>\n{rows}</table></div>"
    )


def _call(one: NightCall, night: Night, shown: Shown) -> str:
    call, message = one.call, one.message
    broken = one.item is not None and is_breached(one.item.view, shown.plan, shown.now)
    number = message.callback_number if message is not None else None
    lines = [
        ("Call", f"{call.id} on the line {call.line or 'unknown'}, {call.outcome or 'goes on'}"),
        ("Reason", shown.words(one.reason)),
        (
            "Answered" if one.spoke else "Acknowledged",
            _done(one.acknowledged, night, shown) or one.without("acknowledged"),
        ),
        ("Called back", _done(one.called_back, night, shown) or one.without("called_back")),
    ]
    if message is not None:
        lines.append(("Message", f"{message.state}, owner {message.owner or 'nobody'}"))
        if message.disposition:
            lines.append(("Disposition", shown.words(message.disposition)))
    for note in one.notes:
        words = shown.words(str(note.detail.get("text", "")))
        lines.append(("Note", f"{words} ({note.person}, {shown.time(note.at)})"))
    rows = "".join(f"<dt>{head}</dt><dd>{escape(text)}</dd>\n" for head, text in lines)
    return (
        f"<article>\n<h3>{escape(shown.time(call.started_at))}, "
        f"{escape(_who(number or call.caller, shown))}, {escape(call.urgency or 'urgency unknown')}"
        + (' <span class="bad">BREACHED</span>' if broken else "")
        + f"</h3>\n<dl>\n{rows}</dl>\n"
        '<div class="blank">Caller, relationship</div>\n<div class="blank">Advice given</div>\n'
        '<div class="blank"></div>\n'
        '<div class="pair"><div class="blank">Signed</div><div class="blank">Date, time</div></div>'
        "\n</article>"
    )


def _who(number: str | None, shown: Shown) -> str:
    """Name a patient by the directory's id and the number's last digits."""
    masked = shown.number(number) or "anonymous"
    patient = shown.patient(number)
    return masked if patient is None else f"patient {patient} ({masked})"


def _done(moment: Moment | None, night: Night, shown: Shown) -> str:
    if moment is None:
        return ""
    known = night.past.at(moment.at).people.get(moment.person)
    who = known.name if known is not None else moment.person
    return f"{who}, {shown.time(moment.at)}, after {reported(moment.seconds, 's')}"
