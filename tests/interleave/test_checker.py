"""Does the checker itself do what it says? Shrinking, told time, losses, and the page of a failure."""

from __future__ import annotations

import pytest

from onebeat.errors import Remedy, StoreError
from onebeat.keys import LockKeys
from onebeat.locks import view
from onebeat.wire import Command
from tests.interleave.choices import Choice
from tests.interleave.database import Ask, Broken, Database, End, RolledBack, Statement, Transaction
from tests.interleave.history import play
from tests.interleave.mutants import read
from tests.interleave.mutate import applied
from tests.interleave.process import WAIT
from tests.interleave.scenarios import SCENARIOS
from tests.interleave.shrink import least, shrink
from tests.interleave.timeline import as_page, as_text, command_for, save
from tests.interleave.world import NAMESPACE

UPSERT = "INSERT INTO counter VALUES ('c', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
READ = Statement("SELECT value FROM counter")


def test_the_store_shows_the_told_time(world) -> None:
    world.begin()
    world.raw("SET", "ob:a", "1", "PX", 500)
    world.advance(400_000)
    assert world.raw("PTTL", "ob:a") == 100
    world.advance(101_000)
    assert world.raw("GET", "ob:a") is None
    seconds, rest_us = world.raw("TIME")
    assert int(seconds) * 1_000_000 + int(rest_us) == world.time.us


def test_a_roll_back_brings_values_and_ends_of_leases_back(world) -> None:
    world.begin()
    world.raw("SET", "ob:lease", "mine", "PX", 500)
    world.raw("RPUSH", "ob:list", "a", "b")
    kept = world.snapshot()
    world.raw("DEL", "ob:lease", "ob:list")
    world.raw("SET", "ob:new", "1")
    world.advance(300_000)
    world.restore(kept)
    assert world.raw("LRANGE", "ob:list", 0, -1) == [b"a", b"b"]
    assert world.raw("PTTL", "ob:lease") == 200
    assert world.raw("EXISTS", "ob:new") == 0


def test_what_was_over_meanwhile_does_not_come_back(world) -> None:
    world.begin()
    world.raw("SET", "ob:lease", "mine", "PX", 500)
    kept = world.snapshot()
    world.advance(501_000)
    world.restore(kept)
    assert world.raw("EXISTS", "ob:lease") == 0


def test_a_blocking_read_looks_once(world) -> None:
    world.begin()
    read = Command(("BLPOP", "ob:bell", "5.0"), block_s=5.0)
    assert world.perform(read) is None
    world.raw("RPUSH", "ob:bell", "yours")
    assert world.perform(read) == [b"ob:bell", b"yours"]


def test_a_write_tells_whether_there_is_something_for_those_who_wait(world) -> None:
    world.begin()
    world.perform(Command(("SET", "ob:a", "1")), ["ob:bell", "ob:other"])
    assert world.rung < world.writes
    world.perform(Command(("RPUSH", "ob:other", "yours")), ["ob:bell", "ob:other"])
    assert world.rung == world.writes
    before = world.snapshot()
    world.perform(Command(("DEL", "ob:other")), ["ob:other"])
    assert world.rung < world.writes
    world.restore(before)
    assert world.rung > world.writes, "nobody has been told, so everybody looks"


def test_a_script_that_the_store_forgot_is_sent_again(world) -> None:
    world.begin()
    call = next(view.peek(LockKeys(NAMESPACE, "l")))
    for bells in ([], ["ob:bell"]):
        world.forget_scripts()
        assert world.perform(call, bells) == world.perform(call, bells)


def test_an_error_is_the_store_s_own(world) -> None:
    world.begin()
    world.raw("SET", "ob:a", "text")
    with pytest.raises(StoreError, match="overwritten") as told:
        world.perform(Command(("LPUSH", "ob:a", "1")), ["ob:bell"])
    assert told.value.remedy is Remedy.FATAL
    assert world.raw("GET", "ob:a") == b"text", "the answer to what was asked beside it is not left over"


@pytest.mark.parametrize("needed", [set(), {3}, {0, 9}, {1, 4, 5, 8}, set(range(10))])
def test_shrinking_keeps_what_is_needed(needed) -> None:
    choices = [Choice("run", str(n)) for n in range(10)]
    left = least(choices, lambda some: needed <= {int(one.who) for one in some}, lambda: True)
    assert {int(one.who) for one in left} == needed


def test_a_failure_is_shrunk_and_shown(world) -> None:
    scenario = SCENARIOS["locks"]
    with applied(read("locks")[0]):
        told = next(one for seed in range(300) if (one := play(world, scenario, seed)).violation)
        short = shrink(world, scenario, told, within_s=5.0)
    assert short.violation is not None
    assert told.violation is not None
    assert short.violation.name == told.violation.name
    assert len(short.choices) <= len(told.choices)
    assert command_for(short) in as_text(short)
    page = save(short)
    text = page.read_text(encoding="utf-8")
    assert short.violation.name in text
    assert "<script" not in as_page(short)
    assert page.with_name("choices.json").exists()


def test_two_writers_of_one_row_take_turns() -> None:
    database, (one, two) = Database(lambda _within: None), (Transaction("one"), Transaction("two"))
    write = Statement(UPSERT, (1,), ("counter", "c"))
    Ask(database, one, write).perform()
    assert Ask(database, two, write).perform() is WAIT
    assert Ask(database, two, READ).perform().rows == ()  # not committed, so not seen
    End(database, one).perform()
    assert Ask(database, two, READ).perform().rows == ((1,),)
    assert Ask(database, two, write).perform() is not WAIT
    database.close()


def test_a_circle_of_waiting_ends_with_a_victim() -> None:
    database, (one, two) = Database(lambda _within: None), (Transaction("one"), Transaction("two"))
    a, b = Statement(UPSERT, (1,), ("counter", "a")), Statement(UPSERT, (1,), ("counter", "b"))
    Ask(database, one, a).perform()
    Ask(database, two, b).perform()
    assert Ask(database, one, b).perform() is WAIT
    with pytest.raises(RolledBack):
        Ask(database, two, a).perform()
    assert Ask(database, one, b).perform() is not WAIT
    database.close()


def test_what_was_rolled_back_never_was() -> None:
    database, one = Database(lambda _within: None), Transaction("one")
    Ask(database, one, Statement(UPSERT, (7,), ("counter", "c"))).perform()
    assert isinstance(Ask(database, one, READ).gone(), Broken)
    assert database.read("SELECT * FROM counter") == []
    with pytest.raises(Broken):
        End(database, one).perform()
    database.close()


def test_a_transaction_that_ends_twice_frees_nobody_elses_rows() -> None:
    database = Database(lambda _within: None)
    one, two, three = (Transaction(name) for name in ("one", "two", "three"))
    write = Statement(UPSERT, (1,), ("counter", "c"))
    Ask(database, one, write).perform()
    Ask(database, one, write).gone()
    assert Ask(database, two, write).perform() is not WAIT
    database.end(one)  # its process dies, long after its connection
    assert Ask(database, three, write).perform() is WAIT
    database.close()
