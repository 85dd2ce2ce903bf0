"""What does redis-py's lock do, and what does ours with its face? One row per behaviour, run against both.

`docs/reference/redis-py.md` is written from these rows. A row's act gets a `Desk`; what it returns, or the
name of what it raises, is compared with `theirs` for redis-py and with `ours` (the same unless said).
"""

from __future__ import annotations

from tests.locks import compat_getting as getting
from tests.locks import compat_keeping as keeping
from tests.locks.compat_row import LONG_S, Row, Verdict

BETTER, DIFFERENT = Verdict.BETTER, Verdict.DIFFERENT
ROWS: dict[str, list[Row]] = {
    "acquire": [
        Row("`acquire()` of a free lock answers True", lambda desk: desk.make().acquire(), True),
        Row("`acquire(blocking=False)` of a held one answers False at once", getting.acquire_held, False),
        Row("`blocking=False` in the constructor", getting.constructor_says_not_to_block, (False, False)),
        Row("`acquire(blocking=…)` overrides it", getting.acquire_overrides_the_constructor, True),
        Row(
            "`blocking_timeout` in the constructor: False after it",
            getting.blocking_timeout_of_the_constructor,
            False,
        ),
        Row(
            "`acquire(blocking_timeout=0)` overrides it: one try", getting.blocking_timeout_of_the_call, False
        ),
        Row("a waiter gets the lock when it is free", getting.waits_until_it_is_free, True),
        Row(
            "a `sleep` longer than `blocking_timeout`",
            getting.sleep_longer_than_the_wait,
            False,
            True,
            BETTER,
            "`sleep` is not used: a waiter is woken, in order of arrival, and waits for all of its time; "
            "redis-py gives up when the next poll would come too late",
        ),
        Row("it is not re-entrant", getting.not_reentrant, False),
        Row("the key `name` holds `lock.local.token`", getting.key_holds_the_token, True),
        Row("`acquire(token=…)` is what the key holds", getting.chosen_token, (b"mine", b"mine")),
        Row("a chosen token that is in use elsewhere opens nothing", getting.chosen_token_twice, False),
        Row("a chosen token may be used again", getting.chosen_token_again, True),
        Row(
            "a chosen token that is no text",
            getting.token_that_is_no_text,
            True,
            "UnicodeDecodeError",
            DIFFERENT,
            "refused at once: with `decode_responses` redis-py fails on it later, in `owned()`",
        ),
        Row("the name may be bytes", getting.name_in_bytes, True),
    ],
    "how long it lasts": [
        Row("`timeout` is the key's life", getting.timeout_is_its_life, True),
        Row("`timeout` may be a fraction", getting.timeout_in_fractions, True),
        Row(
            "a lock with a `timeout` is not renewed: it ends, and another gets it",
            getting.timeout_is_not_renewed,
            True,
        ),
        Row(
            "without a `timeout`",
            getting.life_without_a_timeout,
            "for ever",
            True,
            BETTER,
            "renewed while its process lives, free half a minute after it died; redis-py's stays for ever",
        ),
        Row("`timeout=0` is none", getting.timeout_of_nothing, True),
        Row(
            "a negative `timeout`",
            getting.negative_timeout,
            "ResponseError",
            "ConfigError",
            DIFFERENT,
            "said when the lock is made, not when it is acquired",
        ),
    ],
    "release": [
        Row("`release()` frees it", keeping.release_frees, (0, True)),
        Row("of a lock that was not acquired", keeping.release_of_nothing, "LockError"),
        Row("twice", keeping.release_twice, "LockError"),
        Row("after it ended", keeping.release_of_a_lapsed, "LockNotOwnedError"),
        Row(
            "when another has it, who keeps it",
            keeping.release_when_another_has_it,
            ("LockNotOwnedError", True),
        ),
        Row(
            "after a release that failed",
            keeping.release_after_a_failed_release,
            ("LockNotOwnedError", "LockError"),
        ),
        Row("elsewhere, by setting `lock.local.token`", keeping.release_by_token, 0),
        Row(
            "in another thread",
            keeping.token_of_another_thread,
            "AttributeError",
            "LockError",
            BETTER,
            "the error that `release` documents; redis-py's thread-local has no `token` there",
            threads=True,
        ),
        Row(
            "in another thread with `thread_local=False`",
            keeping.token_of_all_threads,
            "nothing",
            threads=True,
        ),
    ],
    "locked and owned": [
        Row("`locked()` is about anybody", keeping.locked, (False, True, True)),
        Row("`owned()` is about this handle", keeping.owned, (False, True, False)),
        Row("after it ended both are False", keeping.owned_of_a_lapsed, (False, False)),
    ],
    "extend and reacquire": [
        Row("`extend(s)` adds to what is left", keeping.extend_adds, (True, True)),
        Row("by fractions too", keeping.extend_in_fractions, (True, True)),
        Row("`extend(s, replace_ttl=True)` replaces it", keeping.extend_replaces, (True, True)),
        Row("`extend` of an unlocked one", keeping.extend_unlocked, "LockError"),
        Row("`extend` without a timeout", keeping.extend_without_timeout, "LockError"),
        Row("`extend` after it ended", keeping.extend_lapsed, "LockNotOwnedError"),
        Row("`extend` when another has it", keeping.extend_when_another_has_it, ("LockNotOwnedError", True)),
        Row("`reacquire()` starts the timeout again", keeping.reacquire_restarts, (True, True)),
        Row("`reacquire` of an unlocked one", keeping.reacquire_unlocked, "LockError"),
        Row("`reacquire` without a timeout", keeping.reacquire_without_timeout, "LockError"),
        Row("`reacquire` after it ended", keeping.reacquire_lapsed, "LockNotOwnedError"),
    ],
    "with": [
        Row("`with lock:` holds and frees it", keeping.with_holds_and_frees, (True, 0)),
        Row("in vain", keeping.with_in_vain, "LockError"),
        Row("an error inside passes, and the lock is freed", keeping.with_an_error_inside, 0),
        Row("released inside", keeping.with_released_inside, "LockError"),
        Row("lost inside", keeping.with_lost_inside, "LockNotOwnedError"),
        Row("lost inside, and an error", keeping.with_lost_inside_and_an_error, "LockNotOwnedError"),
        Row("lost inside with `raise_on_release_error=False`", keeping.with_lost_inside_forgiven, None),
    ],
    "clients and errors": [
        Row(
            "`LockError` is a `RedisError` and a `ValueError`", keeping.errors_are_redis_errors, (True, True)
        ),
        Row("a client with `decode_responses`", keeping.decoding_client, (True,) * 5),
        Row("`client.lock(name, lock_class=…)`", keeping.made_by_the_client, (True, LONG_S, True)),
        Row("nobody listens", keeping.nobody_listens, "ConnectionError"),
        Row(
            "the reply to `acquire` is lost, the client retries",
            keeping.reply_is_lost,
            (False, 1),
            (True, 1),
            BETTER,
            "a repeated call is recognised; redis-py says False while the key holds its own token",
        ),
        Row(
            "the reply to `extend` is lost, the client retries",
            keeping.reply_to_extend_is_lost,
            (True, False),
            (True, True),
            BETTER,
            "a repeated call adds nothing; redis-py adds twice",
        ),
        Row(
            "the key is something else, such as a list",
            keeping.key_of_another_type,
            False,
            "ResponseError",
            DIFFERENT,
            "`WRONGTYPE` is raised: a lock that can never be free is a mistake, not an answer",
        ),
        Row(
            "both kinds exclude each other, so a fleet can move from one to the other while it runs",
            keeping.both_kinds_exclude_each_other,
            (False, False),
        ),
    ],
}
