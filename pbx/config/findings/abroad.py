"""Find an office outside of +1 that may not call the numbers of its own country."""

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
        message = f"'{country}' has no telephone country code"
        fix = "Write the country's two letters, such as 'GB' or 'US'."
        yield draft.find(CODE, path, where, message, fix)
        return
    own = f"+{code}"
    if any(one.startswith(own) or own.startswith(one) for one in draft.file.outbound.allow):
        return
    message = (
        f"[outbound] does not allow numbers of {country} ({own}), so patients there cannot be "
        "called back"
    )
    fix = f"Add '{own}' to 'allow' in [outbound], or only the prefixes that you need."
    yield draft.find(CODE, path, where, message, fix)
