"""Which faults can meet the store, and the way to it? Pure."""

from __future__ import annotations

from tests.faults.row import Row

_SEA = "faults/test_store_faults.py::"
_SECTION = "beat/test_section.py::"
_ONCE = f"{_SEA}test_what_was_acknowledged_runs_once"

ROWS: tuple[Row, ...] = (
    Row(
        "R01",
        "killed, restarted with its AOF",
        "SIGKILL under load",
        "nothing acknowledged is lost",
        "end_to_end/test_killed_store.py::test_nothing_acknowledged_is_lost",
    ),
    Row(
        "R02",
        "restarted with an RDB snapshot",
        "SAVE, more work, SIGKILL",
        "what the snapshot holds runs again, one effect",
        f"{_SEA}test_a_restart_with_a_snapshot_only_runs_again_what_the_snapshot_holds",
    ),
    Row(
        "R03",
        "restarted with nothing, empty instance behind the same name",
        "no AOF, SIGKILL",
        "new incarnations, work goes on",
        f"{_SEA}test_a_restart_with_nothing_goes_on_with_what_comes_then",
    ),
    Row(
        "R04",
        "torn AOF",
        "its last bytes are cut off",
        "the last write is lost at most",
        f"{_SEA}test_a_torn_aof_loses_its_last_write_at_most",
    ),
    Row("R05", "scripts forgotten", "SCRIPT FLUSH", "sent again", _ONCE),
    Row(
        "R06",
        "NOSCRIPT in a pipeline",
        "",
        "does not arise: every script is a call of its own",
        "wire/test_drivers.py::test_a_script_is_sent_once_and_again_after_the_server_forgot_it",
    ),
    Row(
        "R07",
        "slow script, BUSY",
        "an endless script of somebody else, SCRIPT KILL",
        "everybody waits",
        _ONCE,
    ),
    Row("R08", "slow store", "DEBUG SLEEP longer than a deadline", "the same call again, one effect", _ONCE),
    Row("R09", "out of memory", "maxmemory 1 for a second", "waits, loses nothing", _ONCE),
    Row(
        "R10",
        "eviction is on",
        "maxmemory-policy allkeys-lru",
        "refused at start, with a named override",
        "cli/test_services.py::test_a_store_that_cannot_keep_promises_is_refused",
    ),
    Row(
        "R11",
        "error in the middle of a script",
        "each key of each wrong type",
        "nothing was changed",
        "house/test_lua_wrong_types.py::test_a_wrong_type_changes_nothing",
    ),
    Row(
        "R12",
        "disk full",
        "MISCONF answered to every script",
        "retry later",
        "wire/test_failures.py::test_so_has_an_error_inside_a_script",
    ),
    Row(
        "R13",
        "clock step",
        "the last fence is far ahead of the store's clock",
        "fences and ends stay right",
        "locks/test_scripts.py::test_l3_a_fence_grows_even_when_the_clock_of_the_store_went_back",
    ),
    Row(
        "R14",
        "idle connection reset",
        "proxy: FIN, RST, half-open",
        "costs at most one call",
        "faults/test_proxy.py::test_an_idle_connection_that_ended_costs_at_most_one_call",
    ),
    Row("R15", "CLIENT KILL storm", "20 times, all clients", "reconnects, one effect", _ONCE),
    Row("R16", "demoted: READONLY", "REPLICAOF, then NO ONE", "looks again, goes on", _ONCE),
    Row(
        "R17",
        "lagging replica promoted, split brain",
        "the store's data rolled back to an earlier state, as a replica that lagged would have it",
        "lost times are queued again under the same ids",
        f"{_SECTION}test_after_a_rollback_what_is_gone_is_queued_again_under_the_same_ids",
    ),
    Row(
        "R18",
        "all data lost",
        "FLUSHALL",
        "the history says where schedules go on",
        f"{_SECTION}test_a_store_that_forgot_begins_where_the_history_ended",
    ),
    Row("R19", "every third reply lost", "proxy", "one effect each", _ONCE),
    Row(
        "R20",
        "black hole, stalled replies, half-open, single bytes",
        "proxy",
        "deadlines end the waiting, one effect",
        _ONCE,
    ),
    Row(
        "R21",
        "everything at once",
        "`make chaos`",
        "every check holds when it is calm again",
        "chaos/test_chaos.py::test_one_history",
    ),
    Row(
        "R22",
        "killed while callers send",
        "SIGKILL under concurrent senders",
        "each acknowledged call is there once",
        "queue/test_killed_server.py::test_every_acknowledged_call_is_there_once",
    ),
    Row(
        "R23",
        "Sentinel fails over",
        "SIGKILL of the master under load",
        "everyone goes on with the replica; nothing twice, no time left out",
        "conformance/test_short.py::test_a_beat_and_workers_go_on_with_the_promoted_replica",
    ),
    Row(
        "R24",
        "a slot of a Cluster moves",
        "MIGRATING, IMPORTING, then the move",
        "MOVED and ASK are followed, TRYAGAIN is waited for",
        "conformance/test_short.py::test_a_slot_that_moves_costs_no_call",
    ),
    Row(
        "R25",
        "the replica is behind",
        "SIGSTOP of the replica",
        "a call that asked for it is told, and may be repeated",
        "queue/test_durability.py::test_what_no_replica_has_is_told_and_may_be_repeated_by_its_key",
    ),
    Row(
        "R26",
        "killed twenty times",
        "`make test-servers`: SIGKILL and a start, under load",
        "everyone goes on, nothing lost, nothing twice",
        "conformance/outages.py::restarts",
    ),
    Row(
        "R27",
        "silent for half a minute",
        "`make test-servers`: a black hole in the proxy",
        "`/readyz` says so, then that it is over; everyone goes on, nothing lost",
        "conformance/outages.py::black_hole",
    ),
)
