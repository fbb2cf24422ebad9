"""The doctor: every piece of the line looked at, each with its fix."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text as sql

from pbx.asterisk.engine import runtime
from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from pbx.db import audit, changes
from pbx.db.database import open_database
from pbx.db.plans import apply_first
from pbx.ops import doctor_machine
from pbx.ops.security import host
from pbx.ops.trunk import contact_states, last_try, registration, trunk_state
from routing.model import Override
from tests.support import started

ROOT = Path(__file__).parents[3]
NAMES = [
    "python", "asterisk", "home", "disk", "database", "clock", "line", "backup", "configuration",
    "people", "numbers", "schedules", "prompts", "ports", "phones",
    "trunk",
]  # fmt: skip


@pytest.fixture
def place() -> Iterator[Path]:
    """Make a home whose secrets file knows one physician of three."""
    with tempfile.TemporaryDirectory(prefix="officeline-doctor-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        text = (ROOT / "config" / "office.toml").read_text()
        text = text.replace('host = "127.0.0.2" ', 'host = "127.0.0.2"\nport = 9\n')
        (folder / "office.toml").write_text(text)
        Home(folder / "home").prepare(runtime.service_user())
        secrets.write(folder / "home", Secrets(mobiles={"lee": "+12125550111"}))
        yield folder


def doctor(folder: Path) -> tuple[int, dict[str, dict[str, str | bool]]]:
    """Run the command; return its exit code and the checks by name."""
    options = ["--config", str(folder / "office.toml"), "--home", str(folder / "home")]
    done = started.officeline(*options, "doctor", "--json")
    report = json.loads(done.stdout)
    assert report["ok"] == (done.returncode == 0)
    return done.returncode, {check["name"]: check for check in report["checks"]}


def test_a_number_that_two_share(place: Path) -> None:
    """Named by its last four digits alone, with the command that gives each their own."""
    secrets.write(
        place / "home",
        Secrets(
            mobiles={"lee": "+12125550111", "osei": "+12125550112"},
            seconds={"osei": "+12125550111"},
        ),
    )
    _, checks = doctor(place)
    assert not checks["numbers"]["ok"]
    assert "lee and osei share" in str(checks["numbers"]["detail"])
    assert "2125550111" not in str(checks["numbers"])
    assert "people mobile osei NUMBER" in str(checks["numbers"]["fix"])


def test_every_piece_is_looked_at(place: Path) -> None:
    """What is missing is named, with the command that fixes it; the rest is well."""
    code, checks = doctor(place)
    assert code == 1
    assert list(checks) == NAMES
    lacks = {name for name, check in checks.items() if not check["ok"]}
    # a container without marks of one keeps no clock, and that is said
    assert lacks == {"people", "trunk"} | (set() if doctor_machine.clock_check().ok else {"clock"})
    assert "osei" in str(checks["people"]["detail"])
    assert "people mobile osei" in str(checks["people"]["fix"])
    assert "no PIN for lee, osei, patel" in str(checks["people"]["detail"])
    assert "the example's placeholder" in str(checks["trunk"]["detail"])
    assert "docs/trunk.md" in str(checks["trunk"]["fix"])


@pytest.mark.parametrize("state", ["Registered", "Rejected", "Unregistered"])
def test_a_registration_stands_as_asterisk_says(state: str) -> None:
    """In the words of its console; of what it does not tell nothing is known."""
    said = (
        " <Registration/ServerURI..............................>  <Auth....>  <Status.......>\n"
        "==========================================================================\n\n"
        f" trunk-registration/sip:127.0.0.2:5060          trunk-auth        {state}    (exp. 20s)\n"
    )
    assert registration(lambda _: said) == state
    assert registration(lambda _: "No objects found.\n") == "Unknown"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("No response received from 'sip:c' on registration attempt to 'x', retrying in '20'", ""),
        ("Temporal response '503' received from 'sip:c' on registration attempt to 'x'", "503"),
        ("403 Forbidden fatal response received from 'sip:c' on registration attempt", "403"),
        ("'401' fatal response received from 'sip:c' on registration attempt to 'x'", "401"),
        ("Endpoint trunk is now Unreachable", None),
    ],
)
def test_the_last_try_to_register_is_read_from_the_log(
    tmp_path: Path, said: str, found: str | None
) -> None:
    """In the words of Asterisk 22; the newest counts, and a log that is not there tells nothing."""
    log = tmp_path / "messages.log"
    assert last_try(log) is None
    log.write_text(f"[Nov 29] WARNING[1] res_pjsip_outbound_registration.c: {said}\n")
    assert last_try(log) == found
    with log.open("a") as file:
        file.write("Temporal response '500' received from 'c' on registration attempt to 'x'\n")
    assert last_try(log) == "500"


def test_contacts_stand_as_asterisk_says() -> None:
    """Of two phones with one id the one that answers counts; the trunk without registration too."""
    said = (
        "\n  Contact:  <Aor/ContactUri........................> <Hash....> <Status> <RTT(ms)..>\n"
        "==========================================================================\n\n"
        "  Contact:  desk1/sip:desk1@127.0.0.3:5062               4f2a0d2e41 Avail         1.234\n"
        "  Contact:  desk1/sip:desk1@127.0.0.3:5070               4f2a0d2e42 Unavail         nan\n"
        "  Contact:  trunk-out/sip:127.0.0.2:5060                 4f2a0d2e43 NonQual         nan\n"
        "  Contact:  trunk/sip:127.0.0.2:5060                     4f2a0d2e44 Unavail         nan\n"
        "\nObjects found: 4\n\n"
    )
    found = contact_states(lambda _: said)
    assert found == {"desk1": "Avail", "trunk-out": "NonQual", "trunk": "Unavail"}
    assert trunk_state(lambda _: said) == "Unavail"
    assert trunk_state(lambda _: "No objects found.\n") is None


def test_an_encrypted_trunk_is_left_to_asterisk(place: Path) -> None:
    """A knock of ours would be none there: that is no fault of the carrier's."""
    text = (place / "office.toml").read_text()
    (place / "office.toml").write_text(text.replace("[trunk]", '[trunk]\ntransport = "tls"', 1))
    _, checks = doctor(place)
    assert checks["trunk"]["ok"]
    assert "officeline canary" in str(checks["trunk"]["detail"])


def test_a_carrier_that_does_not_answer(place: Path) -> None:
    """One of one's own is looked for behind the firewall."""
    text = (place / "office.toml").read_text()
    (place / "office.toml").write_text(text.replace("127.0.0.2", "127.0.0.3"))
    _, checks = doctor(place)
    assert checks["trunk"]["detail"] == "127.0.0.3:9 does not answer OPTIONS"
    assert "the firewall" in str(checks["trunk"]["fix"])


def test_a_file_that_cannot_be_read_ends_the_examination(place: Path) -> None:
    """Without a plan there is nothing more to look at, and that is said."""
    (place / "office.toml").write_text("[office")
    code, checks = doctor(place)
    assert code == 1
    assert list(checks) == NAMES[:9]
    assert not checks["configuration"]["ok"]


def test_a_secrets_for_everybody_is_found(place: Path) -> None:
    """Permissions are part of the examination."""
    (place / "home" / "secrets.json").chmod(0o640)
    _, checks = doctor(place)
    assert "chmod 600" in str(checks["people"]["detail"])


def test_a_file_that_is_not_what_runs_is_reported(place: Path) -> None:
    """Another file than the applied one is named; a broken one fails, with what runs meanwhile."""
    config = place / "office.toml"
    good = config.read_text()
    engine = open_database(Home(place / "home").database)
    apply_first(engine, good, "abc123", now=datetime.now(UTC))
    engine.dispose()
    _, checks = doctor(place)
    assert checks["configuration"]["ok"]
    assert "not applied yet; until then plan abc123 runs" in str(checks["configuration"]["detail"])
    config.write_text("[office]\n")
    code, checks = doctor(place)
    assert code == 1
    assert not checks["configuration"]["ok"]
    assert "until then plan abc123 runs" in str(checks["configuration"]["fix"])


def test_a_shift_of_nobody_is_reported_days_before(place: Path) -> None:
    """The first minute of it is named, with the command that fills it."""
    text = (place / "office.toml").read_text()
    coming = datetime.now(ZoneInfo("America/New_York")).date() + timedelta(days=5)
    (place / "office.toml").write_text(text.replace('since = "2026-01-05"', f'since = "{coming}"'))
    _, checks = doctor(place)
    assert not checks["schedules"]["ok"]
    assert "nobody is on call for 'doctors' from" in str(checks["schedules"]["detail"])
    assert "oncall override --schedule doctors --from" in str(checks["schedules"]["fix"])
    changes.add_override(
        open_database(Home(place / "home").database),
        Override(
            0, "doctors", "add", "lee", None,
            datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(days=15),
        ),
        by="amy",
        now=datetime.now(UTC),
    )  # fmt: skip
    _, checks = doctor(place)
    assert checks["schedules"]["ok"]


def test_the_locks_are_reported_one_by_one(place: Path) -> None:
    """Before the first start those of the files and the disk; an open one is exit 1 and a fix."""
    words = ["--config", str(place / "office.toml"), "--home", str(place / "home")]
    config = (place / "office.toml").read_text()

    def security(*more: str) -> started.Done:
        return started.officeline(*words, "doctor", "--security", *more)

    report = json.loads(security("--json").stdout)
    assert report["ok"]
    assert len(report["locks"]) > 25
    unasked = [lock for lock in report["locks"] if lock["ok"] is None]
    assert {lock["detail"] for lock in unasked} == {"Asterisk does not run"}
    (place / "office.toml").write_text(
        config.replace("[network]", '[network]\nphones = ["0.0.0.0/0"]')
    )
    (place / "home").chmod(0o755)
    (place / "office.toml").chmod(0o646)
    done = security()
    assert done.returncode == 1
    opened = [line for line in done.stdout.splitlines() if line.startswith("OPEN")]
    assert len(opened) == 4
    assert "0.0.0.0/0 may knock. Fix [trunk] and [network]" in opened[0]
    assert "desk1 may be anywhere; desk2 may be anywhere" in opened[1]
    assert "anybody can write" in opened[2]
    assert "home is 0755, not 0710" in opened[3]


def test_an_audit_that_was_changed_is_an_open_lock(place: Path) -> None:
    """Whoever takes its triggers away and rewrites a row is seen."""
    home = Home(place / "home")
    engine = open_database(home.database)
    audit.record(engine, "numbers.shown", by="amy", now=datetime.now(UTC))
    assert [lock.name for lock in host.examine(place / "office.toml", home) if not lock.ok] == []
    with engine.begin() as connection:
        connection.execute(sql("DROP TRIGGER audit_never_changed"))
        connection.execute(sql("UPDATE audit SET who = 'bob'"))
    engine.dispose()
    (found,) = [lock for lock in host.examine(place / "office.toml", home) if not lock.ok]
    assert (found.name, found.detail) == ("the audit is unchanged", "its row 1 was changed")
