"""Which faults can meet a worker? Pure."""

from __future__ import annotations

from tests.faults.row import Row

_RUN = "faults/test_worker_points.py::"
_DEATHS = "worker/test_deaths.py::"
_FAR = "worker/test_process_pool.py::"
_LIMITS = "worker/test_hard_limits.py::"
_ENDS = "worker/test_runs.py::test_every_end"
_MISUSE = "ledger/test_misuse.py::"

ROWS: tuple[Row, ...] = (
    Row(
        "W01",
        "killed after a claim",
        "failpoints cycle.answered, run.claimed",
        "delivered again, one effect",
        f"{_RUN}test_killed",
    ),
    Row(
        "W02",
        "killed before the transaction",
        "failpoints run.prepared, run.held",
        "delivered again, one effect, the lock is free",
        f"{_RUN}test_killed",
    ),
    Row(
        "W03",
        "killed after the fence is registered",
        "failpoints ledger.registered, ledger.claimed, ledger.handled",
        "nothing visible of it, delivered again",
        f"{_RUN}test_killed",
    ),
    Row(
        "W04",
        "killed after commit, before ack",
        "failpoints ledger.committed, run.ended, cycle.ready",
        "delivered again, replayed, one effect",
        f"{_RUN}test_killed",
    ),
    Row(
        "W05",
        "killed around the lock",
        "failpoints lock.granted, lock.releasing",
        "the lock is free after its lease",
        f"{_RUN}test_killed",
    ),
    Row(
        "W06",
        "supervisor killed between lease, start and recovery of a process",
        "failpoints supervisor.joined, supervisor.bereft, child.started",
        "its messages are recovered",
        f"{_RUN}test_killed",
    ),
    Row(
        "W07",
        "stopped in the middle of a transaction, beyond its lease",
        "its holder pauses between read and write until another took over; SIGSTOP in `make chaos`",
        "fenced, no lost update",
        "ledger/test_fence.py::test_a_holder_that_wakes_in_the_middle_loses_nothing",
    ),
    Row(
        "W08",
        "stopped as a whole",
        "SIGSTOP beyond the lease, another takes over",
        "its outcome counts nothing, it starts anew",
        f"{_DEATHS}test_a_stopped_worker_is_fenced_and_its_outcome_counts_nothing",
    ),
    Row(
        "W09",
        "task that holds the interpreter",
        "a C call of 3 s, lease of 1 s",
        "it runs once",
        f"{_DEATHS}test_a_task_that_holds_the_interpreter_beyond_the_lease_runs_once",
    ),
    Row(
        "W10",
        "TERM with a long task",
        "TERM, grace, second TERM",
        "ends, or goes back without a counted delivery",
        "worker/test_stopping.py::test_busy_finishes_what_runs_and_gives_back_the_rest",
    ),
    Row(
        "W11",
        "grace is over",
        "TERM and a task that goes on",
        "as with a second signal",
        "worker/test_stopping.py::test_when_grace_is_over_it_is_as_with_a_second_signal",
    ),
    Row(
        "W12",
        "segfault in a task",
        "SIGSEGV to its own process, each time",
        "buried after five deliveries",
        f"{_DEATHS}test_a_task_that_kills_its_worker_is_buried_after_five_deliveries",
    ),
    Row(
        "W13",
        "killed for its memory",
        "SIGKILL to one process of a worker, as the kernel does",
        "replaced; its messages go on at once",
        f"{_DEATHS}test_a_killed_process_is_replaced_and_its_messages_go_on_at_once",
    ),
    Row(
        "W14",
        "os._exit in its process",
        "failpoint with action exit",
        "the process ends at the point",
        "chaos/test_failpoints.py::test_actions",
    ),
    Row(
        "W15",
        "recursion without end, every class of exception, BaseException too",
        "tasks that raise them, sync and async",
        "dead letter with its reason, the worker lives",
        _ENDS,
    ),
    Row(
        "W16",
        "exception whose text raises, or has lone surrogates",
        "__str__ and __repr__ raise; a file name that is not UTF-8",
        "dead letter, the worker lives",
        _ENDS,
    ),
    Row("W17", "unknown task", "a name that no module registers", "parked, not lost", _ENDS),
    Row(
        "W18",
        "handler commits itself",
        "session.commit(), COMMIT, the driver's connection",
        "refused, nothing visible",
        f"{_MISUSE}test_misuse",
    ),
    Row(
        "W19",
        "cancelled call and the next one's reply",
        "cancel at any moment",
        "the connection is discarded",
        "wire/test_faults.py::test_a_cancelled_call_never_gives_its_reply_to_the_next_caller",
    ),
    Row(
        "W20",
        "backlog of a million",
        "",
        "claims stay bounded by slots and duration",
        why="minutes and a gigabyte; `make bench` drains a smaller one, tests/queue bounds a claim",
    ),
    Row(
        "W21",
        "an error that nobody foresaw, at each step of a run",
        "failpoints with action raise",
        "dead letter, nothing visible, lock and database free",
        f"{_RUN}test_an_error_that_nobody_foresaw_leaves_nothing_and_is_told",
    ),
    Row(
        "W22",
        "the thread that renews leases fails",
        "failpoints liveness.*:raise",
        "the worker stops, says why, exits 1",
        f"{_RUN}test_a_worker_whose_leases_nobody_renews_any_more_stops_and_says_so",
    ),
    Row(
        "W23",
        "history fails between reading and committing",
        "failpoints history.*:raise",
        "it goes on, nothing left out",
        f"{_RUN}test_a_history_that_failed_once_goes_on",
    ),
    Row(
        "W24",
        "supervisor killed",
        "SIGKILL",
        "its processes end with it, another worker goes on",
        f"{_DEATHS}test_a_killed_supervisor_takes_its_processes_along_and_another_worker_goes_on",
    ),
    Row(
        "W25",
        "reply to a cycle lost",
        "proxy",
        "claimed messages are not forgotten",
        "queue/test_lost_reply.py::test_cycle",
    ),
    Row(
        "W26",
        "an error of ours around a run",
        "failpoints run.claimed:raise, run.ended:raise",
        "the process ends and says why; the message is delivered again",
        f"{_RUN}test_a_run_that_cannot_be_brought_to_its_end_ends_its_process",
    ),
    Row(
        "W27",
        "a run beyond its hard limit: holds the interpreter, sleeps in C, catches everything, stands still",
        "the task",
        "killed; it alone has failed, its siblings run again with no delivery counted",
        f"{_LIMITS}test_it_ends_as_a_dead_letter_and_its_siblings_run_again_at_no_cost",
    ),
    Row(
        "W28",
        "killed at the end of a stop, the interpreter held",
        "SIGQUIT",
        "given back, no delivery counted",
        f"{_LIMITS}test_what_is_killed_at_the_end_of_a_stop_has_not_failed",
    ),
    Row(
        "W29",
        "the process of a CPU-bound run dies",
        "SIGSEGV",
        "that run has failed; its siblings on threads and in processes go on",
        f"{_FAR}test_one_that_dies_fails_its_own_message_and_no_other",
    ),
    Row(
        "W30",
        "supervisor killed while a CPU-bound run holds its interpreter",
        "SIGKILL",
        "both processes below it end with it",
        f"{_FAR}test_a_killed_supervisor_takes_them_along",
    ),
    Row(
        "W31",
        "one process of a worker stopped, its supervisor not",
        "SIGSTOP to the process for longer than its lease",
        "it is killed, replaced, and what it held runs again",
        f"{_DEATHS}test_a_process_that_alone_is_stopped_is_replaced",
    ),
)
