"""An office outside of +1 whose own country's numbers are called by nobody."""

from __future__ import annotations

from collections.abc import Iterator

from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding
from routing.outbound import shares_one

CODE = "own-country"


def find(draft: Draft) -> Iterator[Finding]:
    """Find a country without a code, and one whose code `[outbound] allow` does not name."""
    country = draft.file.office.country
    if shares_one(country) or not draft.whole("office", "outbound"):
        return
    import phonenumbers

    path, where = ("office", "country"), "office.country"
    code = phonenumbers.country_code_for_region(country)
    if not code:
        message = f"no telephone number begins with a code of '{country}', so none can be called"
        fix = "Write the two letters of the country, such as 'GB' or 'US'."
        yield draft.find(CODE, path, where, message, fix)
        return
    own = f"+{code}"
    if any(one.startswith(own) or own.startswith(one) for one in draft.file.outbound.allow):
        return
    message = (
        f"numbers of {country} ({own}) are not called, so that no patient there can be called back"
    )
    fix = f"Add '{own}' to 'allow' of [outbound], or only those beginnings that you need."
    yield draft.find(CODE, path, where, message, fix)
