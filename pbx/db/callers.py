"""Who calls most: the patients and numbers of a span, and how much of it the few make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from pbx.db.tables import utc_text

FEW_PER_MILLE = 6  # the 0.6 % of patients whose share of the calls was published

# One pass over the index for whoever has one number, and a look for each of the other numbers. What
# is counted stands in a table of its own, since a window over it would take longer than the pass.
# A number that several patients share is a caller of its own: nobody knows which of them called.
_OWN = """
    CREATE TEMP TABLE own AS SELECT patient, number FROM (
        SELECT patient, number, count(*) OVER (PARTITION BY patient) AS numbers FROM (
            SELECT min(patient) AS patient, number FROM patient_number
            GROUP BY number HAVING count(*) = 1)
    ) WHERE numbers > 1
"""
_HEARD = "CREATE TEMP TABLE heard (number TEXT, numbers INTEGER, calls INTEGER)"
_ONE = text("""
    INSERT INTO heard SELECT caller, 1, count(*) FROM call INDEXED BY call_by_caller
    WHERE caller IS NOT NULL AND started_at >= :start AND started_at < :until GROUP BY caller
    HAVING caller NOT IN (SELECT number FROM own)
""")
_SEVERAL = text("""
    INSERT INTO heard SELECT number, numbers, calls FROM (
        SELECT number, max(calls), count(*) AS numbers, sum(calls) AS calls FROM (
            SELECT patient, number, count(*) AS calls FROM own
            CROSS JOIN call INDEXED BY call_by_caller ON caller = number
                AND started_at >= :start AND started_at < :until
            GROUP BY patient, number
        ) GROUP BY patient
    )
""")  # max() takes its row's number along, as sqlite.org/lang_select.html#bareagg says
_ALL = text("SELECT count(*) AS everybody, coalesce(sum(calls), 0) AS total FROM heard")
_FIRST = text("SELECT * FROM heard ORDER BY calls DESC, number LIMIT :most")
_FEW = text("SELECT sum(calls) FROM (SELECT calls FROM heard ORDER BY calls DESC LIMIT :few)")


@dataclass(frozen=True)
class CallerCount:
    """One who called: the number used most, of how many, and all the calls."""

    number: str
    numbers: int
    calls: int


@dataclass(frozen=True)
class Callers:
    """Who showed a number: the first, and what the few (0.6 % of all, at least one) made.

    `total` are the calls of all `everybody`.
    """

    first: tuple[CallerCount, ...] = ()
    everybody: int = 0
    total: int = 0
    few: int = 0
    few_calls: int = 0


def count_callers(connection: Connection, start: datetime, until: datetime, most: int) -> Callers:
    """Count the calls of each caller that began in [start, until); `most` of them are named."""
    span = {"start": utc_text(start), "until": utc_text(until)}
    connection.exec_driver_sql(_OWN)
    connection.exec_driver_sql(_HEARD)
    for statement in (_ONE, _SEVERAL):
        connection.execute(statement, span)
    everybody, total = connection.execute(_ALL).one()
    first = tuple(CallerCount(*row) for row in connection.execute(_FIRST, {"most": most}))
    few = (everybody * FEW_PER_MILLE + 999) // 1000
    made = connection.execute(_FEW, {"few": few}).scalar() or 0
    for name in ("heard", "own"):
        connection.exec_driver_sql(f"DROP TABLE {name}")
    return Callers(first, everybody, total, few, made)
