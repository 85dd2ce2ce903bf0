"""Which faults can meet the database, and which are made by operators? Pure."""

from __future__ import annotations

from tests.faults.row import Row

_SECTION = "beat/test_section.py::"
_CRASH = "ledger/test_crashes.py::"

ROWS: tuple[Row, ...] = (
    Row(
        "S01",
        "lost COMMIT reply",
        "the driver raises after COMMIT",
        "read by key: present is success",
        f"{_CRASH}test_a_commit_whose_answer_is_lost_is_a_success",
    ),
    Row(
        "S02",
        "COMMIT that never arrived",
        "the driver raises before COMMIT (PostgreSQL, where there is a server)",
        "done again",
        f"{_CRASH}test_a_commit_that_never_arrived_is_done_again",
    ),
    Row(
        "S03",
        "deadlock",
        "two transactions in opposite order (PostgreSQL, where there is a server)",
        "both effects",
        "ledger/test_transient.py::test_a_real_deadlock_ends_with_both_effects",
    ),
    Row(
        "S04",
        "locked for long",
        "another writer holds SQLite's lock",
        "tried again",
        "ledger/test_transient.py::test_a_database_locked_for_long_is_tried_again",
    ),
    Row(
        "S05",
        "disk full",
        "PRAGMA max_page_count",
        "an error, nothing visible, another run goes on",
        "faults/test_database_faults.py::test_a_full_database_leaves_nothing_and_recovers",
    ),
    Row(
        "S06",
        "read-only standby",
        "PRAGMA query_only",
        "an error, nothing visible",
        "faults/test_database_faults.py::test_a_read_only_database_leaves_nothing",
    ),
    Row(
        "S07",
        "pruned too early",
        "the row is deleted between claim and read",
        "claimed again",
        "ledger/test_effects.py::test_a_row_that_was_pruned_between_claim_and_read_is_claimed_again",
    ),
    Row(
        "S08",
        "handler with a second database",
        "",
        "only the session that is handed over is in the transaction; the guard cannot see another engine",
        why="promised only for the database that holds the ledger (docs, exactly-once)",
    ),
    Row(
        "S09",
        "killed around the commit",
        "SIGKILL before and after",
        "effect and row, or neither",
        f"{_CRASH}test_killed_around_the_commit",
    ),
    # -- what operators do
    Row(
        "O01",
        "two clusters on one namespace",
        "",
        "the newest configuration emits (B11); both histories fill",
        why="cluster ids are reserved in keys.py and not checked by this version",
    ),
    Row(
        "O02",
        "two generations",
        "an old one restarts during a deploy",
        "it waits; alone it takes over",
        f"{_SECTION}test_an_old_configuration_comes_back_when_nobody_runs_the_new_one",
    ),
    Row(
        "O03",
        "duplicate names",
        "the same id in two files",
        "a mistake with both places",
        "config/test_files.py::test_the_same_id_in_two_files",
    ),
    Row(
        "O04",
        "renamed, deleted while running, deleted and created again",
        "reconfigured sections on one store",
        "a known cursor goes on, a new one starts now",
        "queue/test_emit.py::test_enrol_starts_new_schedules_and_keeps_the_others",
    ),
    Row(
        "O05",
        "bad YAML",
        "rows of tests/bad_inputs",
        "one mistake at its place; nothing is started",
        "config/test_bad_inputs.py::test_a_wrong_file_has_one_mistake_at_its_place",
    ),
    Row(
        "O06",
        "emptied YAML",
        "a file without schedules",
        "declares nothing",
        "config/test_files.py::test_no_files_declare_nothing",
    ),
    Row(
        "O07",
        "double trigger",
        "onebeat trigger twice",
        "two runs, as asked",
        "cli/test_acts.py::test_two_triggers_are_two_runs",
    ),
    Row(
        "O08",
        "lock released by hand",
        "force_release",
        "the old holder is fenced",
        "locks/test_lock.py::test_force_release",
    ),
    Row(
        "O09",
        "old backup restored",
        "the store's log from an older copy",
        "no end is changed",
        "ledger/test_history.py::test_a_log_restored_from_an_older_copy_changes_no_end",
    ),
    Row(
        "O10",
        "N-1 and N mixed",
        "",
        "the record's first byte is its version; foreign bytes are buried",
        "queue/test_foreign_bytes.py::test_foreign_bytes_are_claimed_and_buried_and_harm_nobody",
    ),
    Row(
        "O11",
        "midnight herd",
        "many schedules due at once",
        "a caution names the moment",
        "config/test_cautions.py::test_herds",
    ),
    Row("O12", "key rotation", "", "", why="signing is not part of this version (docs/decisions)"),
    Row(
        "O13",
        "data of a newer server",
        "a downgrade of the private store",
        "refused, untouched",
        "embedded/test_store_process.py::test_data_of_a_newer_server_is_refused_untouched",
    ),
    Row(
        "O14",
        "onebeat up twice in a folder",
        "a second one",
        "refused",
        "embedded/test_up.py::test_a_second_up_in_the_same_folder_is_refused",
    ),
)
