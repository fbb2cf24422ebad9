"""Words that appear next to a name in calendar titles."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TITLES = _words("dr drs doctor prof professor mr mrs ms miss")
GENERATIONS = _words("jr sr ii iii iv")
CREDENTIALS = _words("""
    md do np pa pa-c pac rn dnp fnp fnp-c fnp-bc anp agnp pnp whnp aprn arnp crnp cnp cns crna
    cnm lpn cma phd mph mba mha ms msc msn ma bs bsn facp faap facc facs facog faafp facep faha
    facr fasn fccp fcap fidsa dds dmd dpm pharmd psyd scd mbbs mbbch mbchb frcpc frcp frcsc lcsw
""")
# Words that may be next to a name and still mean that this person is on call.
DUTY = _words("""
    on call calls oncall on-call primary secondary tertiary backup back-up back up first second
    third 1st 2nd 3rd tier level night nights nite day days daytime daily weekend weekends weekday
    weekdays week weekly evening evenings eve overnight after hours after-hours afterhours home
    phone phones pager beeper telephone triage float shift shifts duty coverage cover cov covering
    attending physician provider doctor dr schedule rotation team group practice office clinic
    service line am pm 24h 24hr 24hrs 24x7 24 hour hr hrs mon tue wed thu fri sat sun monday
    tuesday wednesday thursday friday saturday sunday
""")
CALL = _words("call oncall on-call coverage")
# Words that mean that somebody is not on call, or that it is not decided.
DENIED = _words("""
    no not non off out away vacation pto leave ooo absent unavailable sick without except declined
    canceled cancelled post post-call postcall pre-call swap swapped swaps trade traded trades
    request requested requests tentative open needs need tbd for from to until instead was cme
    conference meeting lunch birthday
""")
