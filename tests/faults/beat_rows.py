"""Which faults can meet a beat? Pure."""

from __future__ import annotations

from tests.faults.row import Row

_BEAT = "faults/test_beat_points.py::"
_SECTION = "beat/test_section.py::"

ROWS: tuple[Row, ...] = (
    Row(
        "B01",
        "killed while idle",
        "SIGKILL to the leader, a standby is up",
        "no time missing or doubled, late by < 1 s in calm",
        "end_to_end/test_two_beats.py::test_a_killed_beat_and_a_killed_worker_cost_nothing",
    ),
    Row(
        "B02",
        "killed before it sends",
        "failpoint emit.planned",
        "a standby queues those times",
        f"{_BEAT}test_killed_at_a_point",
    ),
    Row(
        "B03",
        "killed after it sent",
        "failpoint emit.sent",
        "nobody queues them again",
        f"{_BEAT}test_killed_at_a_point",
    ),
    Row(
        "B04",
        "stopped for twice its lease",
        "SIGSTOP, 3 s, SIGCONT",
        "the other leads; the woken one repeats nothing",
        f"{_BEAT}test_stopped_for_longer_than_its_lease",
    ),
    Row(
        "B05",
        "told to stop in the middle of a batch",
        "failpoint emit.planned:sleep, TERM",
        "the batch is sent, it resigns, exits 0",
        f"{_BEAT}test_told_to_stop_in_the_middle_of_a_batch",
    ),
    Row(
        "B06",
        "reply lost",
        "proxy: executed, then cut",
        "the same call again changes nothing",
        "queue/test_lost_reply.py::test_emit",
    ),
    Row(
        "B07",
        "error while asking to lead, cut off while the standby is not",
        "proxy: black hole, each in turn",
        "it is not leader; the other one queues",
        f"{_BEAT}test_cut_off_while_the_other_is_not",
    ),
    Row(
        "B08",
        "two that both think they lead",
        "two passes without a lease",
        "each time once",
        f"{_SECTION}test_two_beats_that_both_think_they_lead_queue_each_time_once",
    ),
    Row(
        "B09",
        "50 standbys",
        "51 beats on one queue",
        "each time once, work goes on",
        f"{_BEAT}test_fifty_standbys",
    ),
    Row(
        "B10",
        "starved of processor time",
        "",
        "late, not lost: the same as stopped (B04)",
        why="needs a cgroup with a quota; a stop of the process is the harder case and runs",
    ),
    Row(
        "B11",
        "older configuration",
        "two generations at once",
        "the newest emits, the old one waits",
        f"{_SECTION}test_a_new_configuration_takes_over_and_an_old_one_waits",
    ),
    Row(
        "B12",
        "older time zone data",
        "",
        "each beat decides by its own table; the cursor's compare-and-set lets one of them decide",
        why="needs two tzdata versions side by side in one test environment",
    ),
    Row(
        "B13",
        "killed when it has just become leader, or has read the cursors",
        "failpoints beat.led, beat.enrolled",
        "the others go on",
        f"{_BEAT}test_killed_at_a_point",
    ),
)
