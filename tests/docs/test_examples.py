"""Do the example tasks do what they say? Called here and now, without a worker."""

from __future__ import annotations

import asyncio

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from examples.fetch import PAGE, fetch_page
from examples.report import REPORTS, nightly_report
from examples.slow_singleton import slow
from onebeat import Context
from onebeat.config import load
from tests.docs.fences import ROOT


def test_the_report_adds_up_the_orders_of_one_currency() -> None:
    engine = create_engine("sqlite://")
    ctx = Context(message_id="report@0", task=nightly_report.name)
    with Session(engine) as session:
        assert nightly_report("KRW", session, ctx) == 183_500
        assert nightly_report("JPY", session, ctx) == 0
        rows = session.execute(select(REPORTS.c.currency, REPORTS.c.orders)).all()
    engine.dispose()
    assert [tuple(row) for row in rows] == [("KRW", 2), ("JPY", 0)]


def test_the_page_is_fetched() -> None:
    assert asyncio.run(fetch_page()) == len(PAGE)


def test_the_slow_one_ends_early_when_its_worker_stops() -> None:
    slow.function(Context(message_id="slow@0", task=slow.name, stopping=lambda: True))


def test_the_example_configurations_know_their_tasks() -> None:
    for name in ("onebeat.yaml", "minimal.yaml"):
        loaded = load([ROOT / "config" / name])
        known = {nightly_report.name, fetch_page.name, slow.name}
        assert {schedule.task for schedule in loaded.schedules} <= known
