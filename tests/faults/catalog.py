"""The faults that the line must survive, and which tests play each of them on real processes."""

from __future__ import annotations

from dataclasses import dataclass

_LAYER = "tests/faults/test_control_layer.py"
_PARTS = "tests/faults/test_parts.py"
_DATABASE = "tests/faults/test_database.py"
_PHONES = "tests/faults/test_phones.py"
_TRUNK = "tests/faults/test_trunk.py"
_SURVIVORS = "tests/faults/test_survivors.py"
_COMPANY = "tests/faults/test_bad_company.py"
_CALLS = "tests/calls"


@dataclass(frozen=True)
class Limit:
    """What a row promises of time: at most `s` seconds, and from when to when they are counted."""

    s: float
    counted: str


@dataclass(frozen=True)
class Fault:
    """A row: what goes wrong, how that is done, what must come of it, and pytest's node ids."""

    number: int
    fault: str
    how: str
    expected: str
    tests: tuple[str, ...]
    limit: Limit | None = None  # for what the tests give as `waited_s`


CATALOG = (
    Fault(1, "daemon dead before the call", "SIGKILL", "the standby, under 0.3 s more",
          (f"{_LAYER}::test_dead_before_the_call", f"{_CALLS}/test_standby.py"),
          Limit(0.3, "more than alive")),
    Fault(2, "killed during a question", "SIGKILL", "no answer, so the standby",
          (f"{_LAYER}::test_killed_in_mid_question",)),
    Fault(3, "killed while bridged", "SIGKILL", "the conversation continues; logged after the "
                                                "restart",
          (f"{_LAYER}::test_killed_while_bridged", f"{_LAYER}::test_dead_when_the_line_breaks")),
    Fault(4, "hung", "SIGSTOP", "the watchdog, then the standby as in 1",
          (f"{_LAYER}::test_hung",), Limit(4, "more than alive")),
    Fault(5, "hung and the caller hangs up", "SIGSTOP, CANCEL", "no leftover channel; an open "
                                                                "message",
          (f"{_LAYER}::test_hung_and_the_caller_hangs_up",
           f"{_CALLS}/test_standby.py::test_who_hangs_up_on_a_hung_control_layer_is_written_down")),
    Fault(6, "slow, under and over the deadline", "delay", "a late answer is ignored",
          (f"{_LAYER}::test_slow",)),
    Fault(7, "half a command, then silence", "fault server", "the server is killed, and the call "
                                                             "continues",
          (f"{_LAYER}::test_half_a_command_then_silence",
           f"{_LAYER}::test_half_a_command_and_hung")),
    Fault(8, "half a command, then death", "fault server", "never taken for an answer",
          (f"{_LAYER}::test_half_a_command_then_death", f"{_LAYER}::test_killed_again_and_again")),
    Fault(9, "AMI connection lost or half open", "disconnect, SIGSTOP", "reconnect, resync, "
                                                                        "nothing replayed",
          (f"{_CALLS}/test_phones.py::test_a_lost_manager_connection_loses_no_call",
           f"{_PARTS}::test_asterisk_stands_still",
           f"{_PARTS}::test_asterisk_stands_still_while_the_follow_up_calls",
           f"{_PARTS}::test_a_kicked_connection_while_the_follow_up_calls")),
    Fault(10, "AMI password wrong", "config", "fatal and reported; inbound calls unaffected",
          (f"{_PARTS}::test_a_wrong_manager_password",)),
    Fault(11, "database locked", "BEGIN EXCLUSIVE", "decides in time, spools, imports once",
          (f"{_DATABASE}::test_the_database_is_locked",),
          Limit(0.6, "more than with it free; a message may wait 0.5 s")),
    Fault(12, "disk full", "small tmpfs", "as 11, with an alarm",
          (f"{_DATABASE}::test_the_disk_is_full",)),
    Fault(13, "database read-only or corrupt", "chattr, overwrite pages",
          "as 11; renamed, never deleted",
          (f"{_DATABASE}::test_the_database_is_read_only",
           f"{_DATABASE}::test_a_start_with_a_read_only_database",
           f"{_DATABASE}::test_the_database_is_corrupt",
           f"{_DATABASE}::test_the_database_is_damaged_in_use")),
    Fault(14, "a million calls logged", "seed", "a decision takes as long as before",
          (f"{_DATABASE}::test_a_million_calls_are_logged",)),
    Fault(15, "MQTT broker dead or stopped", "kill, SIGSTOP", "no effect on calls; bounded outbox",
          (f"{_CALLS}/test_events.py", "tests/pbx/notify/test_mqtt.py")),
    Fault(16, "MQTT replayed, retained, forged", "mosquitto_pub", "nothing accepts MQTT commands",
          ("tests/pbx/notify/test_mqtt.py",)),
    Fault(17, "the trunk's errors", "486 603 404 480 500 503 408", "the next step at once",
          (f"{_PHONES}::test_the_trunks_errors",), Limit(2, "between the two phones")),
    Fault(18, "the trunk is silent", "bound port", "the next step at the second timeout",
          (f"{_PARTS}::test_the_trunk_is_silent",),
          Limit(5, "between two steps; the second timeout is 4 s")),
    Fault(19, "rings forever, or early media only", "180, 183", "the next step at the timeout",
          (f"{_PHONES}::test_it_rings_for_ever", f"{_PHONES}::test_early_media_only"),
          Limit(22, "between the two phones; the step is 20 s")),
    Fault(20, "the mobile's voicemail answers", "200, no digit", "not connected; others continue "
                                                                 "to ring",
          (f"{_PHONES}::test_a_voicemail_answers",
           f"{_PHONES}::test_a_voicemail_answers_and_others_ring")),
    Fault(21, "wrong digits, 200 digits", "DTMF", "asked once more, then the next; never accepted",
          (f"{_PHONES}::test_two_hundred_digits",
           f"{_CALLS}/test_phones.py::test_wrong_keys_are_no_acceptance")),
    Fault(22, "the physician hangs up at the prompt", "BYE", "the next step; recorded as declined",
          (f"{_PHONES}::test_the_physician_hangs_up_at_the_prompt",),
          Limit(5, "between the two phones; the step is 20 s")),
    Fault(23, "a prompt file is missing", "rename", "refused at start; later accepted by press",
          (f"{_PHONES}::test_a_prompt_file_is_missing", "tests/pbx/asterisk/test_prompts.py")),
    Fault(24, "two accept at once", "both press 1", "one is connected and acknowledges; the "
                                                    "other hears that it is taken",
          (f"{_PHONES}::test_two_accept_at_once",
           f"{_CALLS}/test_outbound.py::test_of_two_who_accept_one_is_reported_that_it_is_taken",
           f"{_CALLS}/test_outbound.py::test_who_does_not_press_hears_that_it_is_taken")),
    Fault(25, "the patient hangs up while physicians are rung", "CANCEL, BYE",
          "phones silent within 1 s; an open message",
          (f"{_PHONES}::test_the_patient_hangs_up_in_mid_escalation",
           f"{_PHONES}::test_the_patient_hangs_up_before_the_answer"),
          Limit(1, "from the hang-up until the phone is silent")),
    Fault(26, "schedule gap, nobody on call", "config",
          "refused by `check`; during a call everyone rings",
          (f"{_PARTS}::test_nobody_is_on_call",)),
    Fault(27, "apply and reload during calls", "apply x20", "no call is dropped or handled "
                                                            "differently",
          (f"{_CALLS}/test_apply.py",)),
    Fault(28, "clock jump and back, both DST days", "clock",
          "escalations keep their order; schedule right",
          (f"{_PARTS}::test_the_clock_jumps", f"{_PARTS}::test_the_clock_is_set_back",
           "tests/pbx/escalation/test_escalator.py", "tests/routing/test_schedule.py",
           "tests/routing/test_hours.py"),
          Limit(23, "between the follow-up's calls, which are to be 20 s apart")),
    Fault(29, "the same caller three times", "three calls", "all logged, one escalation",
          (f"{_PHONES}::test_the_same_caller_three_times",)),
    Fault(30, "call storm", "SIPp, 50 a second", "above maxcalls 503; accepted calls unaffected",
          (f"{_CALLS}/test_storm.py",)),
    Fault(31, "anonymous", "From", "routed; asked for a callback number",
          (f"{_CALLS}/test_capture.py::test_without_any_number_the_message_is_marked",
           f"{_CALLS}/test_scenes.py")),
    Fault(32, "hostile name or number", "SIP", "nothing is executed or forged; stored clean",
          (f"{_CALLS}/test_torture.py",)),
    Fault(33, "scanners", "OPTIONS, REGISTER, INVITE", "401 or dropped; the ban rule matches",
          (f"{_CALLS}/test_bans.py", f"{_CALLS}/test_locks.py")),
    Fault(34, "posing as a physician; PIN guessing", "From = mobile", "no dial tone; lockout",
          (f"{_PHONES}::test_a_hundred_pins",
           f"{_CALLS}/test_follow_up.py::test_a_wrong_pin_hears_nothing_and_takes_nothing",
           f"{_CALLS}/test_follow_up.py::test_somebody_poses_as_a_physician",
           "tests/pbx/escalation/test_pins.py")),
    Fault(35, "Asterisk killed during a call", "SIGKILL", "restarted; urgent calls escalate",
          (f"{_PARTS}::test_asterisk_is_killed",)),
    Fault(36, "the caller's network vanishes", "SIGSTOP", "ended at the RTP timeout",
          (f"{_PARTS}::test_the_callers_network_vanishes",),
          Limit(70, "from the last packet until no channel; the timeout is 60 s")),
    Fault(37, "a mobile that is found late", "100, then 180 after 4.5, 6, 8, 11 s",
          "rings for its whole time; only a trunk without any answer is skipped",
          (f"{_CALLS}/test_found_late.py",
           f"{_TRUNK}::test_ringing_after_an_announcement_counts_anew",
           f"{_TRUNK}::test_a_phone_that_is_looked_for_and_busy",
           f"{_TRUNK}::test_a_phone_to_which_the_carrier_sends_the_call_on",
           f"{_TRUNK}::test_a_trunk_that_only_tries_is_left")),
    Fault(38, "accepted after the step ended", "slow PIN, late 1",
          "two PINs are possible; later: heard that it is too late, an open message, and the log "
          "names who talked",
          (f"{_CALLS}/test_accepted_late.py", "tests/pbx/service/test_accepted_late.py")),
    Fault(39, "the patient's voicemail answers a call back", "200, then BYE",
          "no call back; the physician is asked; the message escalates again at its deadline",
          (f"{_CALLS}/test_voicemail.py",)),
    Fault(40, "the office opens, closes, or is changed during a call",
          "clock, hours reopen, oncall override, apply; restart, the standby",
          "the call ends as it began: an urgent key stays urgent",
          (f"{_CALLS}/test_kept.py",)),
    Fault(41, "star by mistake at the menu", "star, then silence, star, a key, or wrong PINs",
          "back at the menu, then urgent; no hang-up without a message",
          (f"{_CALLS}/test_star.py",)),
    Fault(42, "a number that cannot be called back", "placeholders, foreign numbers, short codes",
          "asked for one; two such callers never share a message",
          (f"{_CALLS}/test_withheld.py",)),
    Fault(43, "a waiting caller sends no audio", "SIP without a packet",
          "is not hung up while waiting; a conversation still ends after a minute",
          (f"{_CALLS}/test_silent_caller.py",)),
    Fault(44, "a second control layer on one home", "SIGKILL of `up`, `serve` twice",
          "refused with its process, or the first is ended; only one calls",
          (f"{_SURVIVORS}::test_up_is_killed", f"{_SURVIVORS}::test_a_second_control_layer",
           f"{_SURVIVORS}::test_who_cannot_start_ends_nobody",
           "tests/pbx/service/test_only_one.py")),
    Fault(48, "AstDB damaged", "garbage", "renamed, and the line continues",
          (f"{_COMPANY}::test_asterisks_own_database_is_damaged",
           "tests/pbx/asterisk/test_engine.py")),
    Fault(49, "the carrier's name has no address at boot", "resolver",
          "looked up until it has one, and reported",
          (f"{_COMPANY}::test_the_carriers_name_is_not_known_at_boot",)),
    Fault(50, "the disk is full at the start", "tmpfs without room, without inodes",
          "a line that answered before still answers; the disk is reported",
          (f"{_COMPANY}::test_the_disk_is_full_at_the_start",)),
    Fault(51, "the carrier is silent for 15 minutes, or refuses us",
          "no answer, 503, 403, 405, 401; intervals and the office's clock compressed",
          "tried on until it is back; the manager is told after 2 min, and when it is back",
          (f"{_CALLS}/test_carrier_away.py",)),
)  # fmt: skip
