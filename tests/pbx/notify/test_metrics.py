"""The numbers as Prometheus reads them, and what is built on their names."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # comes with Apprise, and without types
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from pbx.config import hosts
from pbx.config.home import Home
from pbx.config.plan import Configuration
from pbx.db import changes, follow_ups, message_progress, messages, records
from pbx.db.damage import ASIDE
from pbx.db.database import open_database
from pbx.notify.metrics import Metrics
from routing.follow_up import FollowUpStage, Todo
from routing.model import Override
from tests.support.daemons import DAY, PATIENT, SECRETS, asked, parsed, serving
from tests.support.offices import EXAMPLE, ROOT

EXAMPLES = ROOT / "docs/examples"
NAME = re.compile(r"\bofficeline_\w+")
HERE = "127.0.0.1"


def free_port() -> int:
    """Find a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        port: int = probe.getsockname()[1]
    return port


Numbers = dict[str, dict[tuple[str, ...], float]]


def scraped(port: int) -> Numbers:
    """Read all numbers as Prometheus does: by name, then by the values of their labels."""
    with urllib.request.urlopen(f"http://{HERE}:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    found: Numbers = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def office(port: int) -> str:
    """Return the example's file with metrics, and a broker that is not there."""
    broker = f'[mqtt]\nsite = "lakeside"\nhost = "{HERE}"\nport = 1\ntls = false\n'
    return f"{EXAMPLE}\n[metrics]\nport = {port}\n{broker}"


async def test_the_daemon_serves_what_happens(tmp_path: Path) -> None:
    """Calls, messages, escalations, verdicts and how the parts are, on loopback alone."""
    home, port = Home(tmp_path), free_port()
    async with serving(home, office(port), SECRETS) as (daemon, agi):
        first = await asyncio.to_thread(scraped, port)
        await asked(agi, "1.1")
        await asked(agi, "1.2")
        daemon.writer.put(records.CallEnded("1.1", DAY, "connected"))
        engine = open_database(home.database)
        messages.open_message(
            engine, message_id="2.1", call="2.1", at=DAY, urgency="urgent",
            callback_number=PATIENT, recording=None, due_at=DAY + timedelta(hours=1),
        )  # fmt: skip
        (view,) = message_progress.due_messages(engine, DAY + timedelta(hours=2), 9)
        todo = Todo("ring", FollowUpStage.BACKUP, {"osei": "mobile"}, breach=True)
        later = DAY + timedelta(hours=1)
        follow_ups.begin_round(engine, view, todo, ["osei"], at=DAY, due_at=later)
        engine.dispose()
        async with asyncio.timeout(10):
            while True:
                now = await asyncio.to_thread(scraped, port)
                if now["officeline_escalations_total"][("backup",)] == 1:
                    break
                await asyncio.sleep(0.05)
        outside = [line for line in Path("/proc/net/tcp").read_text().split("\n")[1:] if line]
        listening = {line.split()[1] for line in outside if line.split()[3] == "0A"}
    assert f"0100007F:{port:04X}" in listening
    assert f"00000000:{port:04X}" not in listening
    assert set(first["officeline_calls_total"].values()) == {0}
    assert now["officeline_calls_total"][("connected",)] == 1
    assert now["officeline_verdict_seconds_count"][()] == 2
    assert 0 < now["officeline_verdict_seconds_sum"][()] < 2
    assert now["officeline_open_messages"] == {("urgent",): 1, ("routine",): 0}
    assert now["officeline_waiting_messages"][("urgent",)] == 1
    assert now["officeline_breached_messages"][()] == 1
    assert now["officeline_escalations_total"] == {
        ("on_call",): 0,
        ("backup",): 1,
        ("everyone",): 0,
    }
    assert (now["officeline_ami_connected"][()], now["officeline_mqtt_connected"][()]) == (1, 0)
    assert now["officeline_mqtt_waiting"][()] > 0
    assert first["officeline_spool_waiting"][()] == 0
    assert now["officeline_log_lost_total"][()] == 0
    assert now["officeline_counts_age_seconds"][()] < 3
    assert now["officeline_heartbeat_age_seconds"][()] > 0
    with pytest.raises(OSError, match="refused"):  # closed with the daemon
        scraped(port)
    labels = {label for values in now.values() for key in values for label in key}
    assert not labels & {"lee", "osei", "patel", "main", "desk1"}
    assert not [label for label in labels if re.search(r"\d{7}", label)]


async def test_what_only_the_doctor_reported_is_a_number(tmp_path: Path) -> None:
    """An empty shift to come, a database set aside, a name without an address, the disk's room."""
    home, port = Home(tmp_path), free_port()
    async with serving(home, office(port), SECRETS):
        before = await asyncio.to_thread(scraped, port)
        Path(f"{home.database}{ASIDE}20261128-021000").touch()
        hosts.remember_unknown(home, ["sip.carrier.example"])
        engine = open_database(home.database)
        start = DAY + timedelta(days=2)
        gap = Override(0, "doctors", "remove", None, "osei", start, start + timedelta(days=9))
        changes.add_override(engine, gap, by="amy", now=DAY)
        engine.dispose()
        two_days = timedelta(days=2).total_seconds()
        async with asyncio.timeout(20):  # the beat looks at the schedule again
            while True:
                now = await asyncio.to_thread(scraped, port)
                if now["officeline_schedule_covered_seconds"][()] <= two_days:
                    break
                await asyncio.sleep(0.1)
    assert before["officeline_schedule_covered_seconds"][()] == timedelta(days=14).total_seconds()
    assert before["officeline_database_aside"][()] == 0
    assert now["officeline_database_aside"][()] == 1
    assert (before["officeline_unresolved_names"][()], now["officeline_unresolved_names"][()]) == (
        0,
        1,
    )
    assert now["officeline_disk_free_bytes"][()] > 0


async def test_a_port_that_is_taken_costs_the_numbers_alone(tmp_path: Path) -> None:
    """It is said, and calls are answered."""
    with socket.socket() as other, capture_logs() as logs:
        other.bind((HERE, 0))
        other.listen()
        port: int = other.getsockname()[1]
        async with serving(Home(tmp_path), office(port), SECRETS) as (_, agi):
            assert "desk1" in await asked(agi, "1.1")
    assert [one["port"] for one in logs if one["event"] == "metrics.not_served"] == [port]


async def test_nobody_listens_unless_the_file_says_so(tmp_path: Path) -> None:
    """Off is the default."""
    async with serving(Home(tmp_path), EXAMPLE, SECRETS) as (_, agi):
        assert "desk1" in await asked(agi, "1.1")
    assert parsed(EXAMPLE).metrics is None
    assert Configuration.__dataclass_fields__["metrics"].default is None


async def test_a_verdict_that_waits_is_measured_whole() -> None:
    """As one with a message in it, which goes to the disk first; one that fails counts, too."""
    metrics = Metrics(0)

    async def slow(_: object) -> None:
        await asyncio.sleep(0.1)
        raise ValueError("as handlers may")

    handlers = metrics.timed({"route": slow, "other": slow})
    waiting = handlers["route"](None)  # type: ignore[arg-type]  # it looks at no session
    assert waiting is not None
    with pytest.raises(ValueError, match="as handlers may"):
        await waiting
    assert handlers["other"] is slow
    assert metrics.registry.get_sample_value("officeline_verdict_seconds_count") == 1
    total = metrics.registry.get_sample_value("officeline_verdict_seconds_sum")
    assert total is not None
    assert total >= 0.1


async def test_the_heartbeat_ages_until_one_comes() -> None:
    """Only one that came through counts."""
    metrics = Metrics(0)

    async def beat(_: object) -> None:
        await asyncio.sleep(0)

    def age() -> float:
        found = metrics.registry.get_sample_value("officeline_heartbeat_age_seconds")
        assert found is not None
        return found

    time.sleep(0.05)  # noqa: ASYNC251  # the age is what is looked at
    assert age() >= 0.05
    waiting = metrics.timed({"beat": beat})["beat"](None)  # type: ignore[arg-type]  # as above
    assert waiting is not None
    await waiting
    assert age() < 0.05


def served() -> tuple[set[str], dict[str, set[str]]]:
    """Name all series that the daemon serves, and the values of their labels by label."""
    metrics = Metrics(0)
    for name in (
        "ami_connected", "log_waiting", "spool_waiting", "mqtt_connected", "mqtt_waiting",
        "schedule_covered_seconds", "database_aside", "disk_free_bytes", "unresolved_names",
        "trunk_down_seconds",
    ):  # fmt: skip
        metrics.pull(name, "x", lambda: 0)
    metrics.pull("log_lost", "x", lambda: 0, is_counter=True)
    names: set[str] = set()
    labels: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        for sample in family.samples:
            names.add(sample.name)
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    return names, labels


def wrong(expression: str) -> list[str]:
    """Find what an expression asks for that nobody serves."""
    names, labels = served()
    found = [name for name in NAME.findall(expression) if name not in names]
    for label, value in re.findall(r"(\w+)=\"(\w+)\"", expression):
        if label != "job" and value not in labels.get(label, set()):
            found.append(f"{label}={value}")
    found.extend(by for by in re.findall(r"by \((\w+)\)", expression) if by not in labels)
    if expression.count("(") != expression.count(")"):
        found.append("brackets")
    return found


def test_each_alert_asks_for_numbers_that_there_are() -> None:
    """And says in a sentence what is wrong."""
    (group,) = yaml.safe_load((EXAMPLES / "alerts.yml").read_text())["groups"]
    rules = group["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 8
    for rule in rules:
        assert wrong(rule["expr"]) == [], rule["alert"]
        assert rule["annotations"]["summary"].endswith((".", "?"))
        assert rule["labels"]["severity"] in {"page", "ticket"}
    asked_for = {name for rule in rules for name in NAME.findall(rule["expr"])}
    assert {"officeline_breached_messages", "officeline_ami_connected"} <= asked_for
    alarms = {"schedule_covered_seconds", "database_aside", "disk_free_bytes", "unresolved_names"}
    assert {f"officeline_{one}" for one in {*alarms, "trunk_down_seconds"}} <= asked_for


def test_each_panel_asks_for_numbers_that_there_are() -> None:
    """No panel covers another, and none is without a question."""
    board = json.loads((EXAMPLES / "dashboard.json").read_text())
    covered: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert wrong(target["expr"]) == [], panel["title"]
        at = panel["gridPos"]
        own = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not own & covered
        covered |= own
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@pytest.mark.parametrize(
    "expression",
    [
        "officeline_call_total",
        'officeline_calls_total{outcome="conected"}',
        "sum by (who) (x)",
        "(x",
    ],
)
def test_a_wrong_question_is_found(expression: str) -> None:
    """The two tests above can fail."""
    assert wrong(expression)


def test_the_document_names_every_number() -> None:
    """With the names that Prometheus sees."""
    text = (ROOT / "docs/metrics.md").read_text()
    reported = set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
    names, _ = served()
    ours = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name in names}
    ours = {name for name in ours if name.startswith("officeline_")}
    counters = {name.removesuffix("_total") for name in ours if name.endswith("_total")}
    assert reported == ours - counters
