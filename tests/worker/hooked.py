"""Which hooks and tasks do the tests of middleware run? The hooks write down what they are told."""

from __future__ import annotations

import os
from contextvars import ContextVar
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from onebeat import Context, Middleware, middleware, singleton, task

TRACE: ContextVar[str] = ContextVar("trace", default="none")


def note(what: str) -> None:
    with open(os.environ["ACTS_FILE"], "a", encoding="utf-8") as file:
        file.write(what + "\n")


class Notes(Middleware):
    def start(self, run: Context) -> None:
        TRACE.set(run.headers.get("trace", "none"))
        note(f"start {run.task} {run.attempt} {TRACE.get()}")

    def success(self, run: Context, result: Any) -> None:
        note(f"success {run.task} {result} {TRACE.get()}")

    def failure(self, run: Context, error: BaseException) -> None:
        note(f"failure {run.task} {type(error).__name__} {TRACE.get()}")

    def dead(self, run: Context, error: str) -> None:
        note(f"dead {run.task} {run.attempt} {run.headers.get('trace')} {error}")


class Broken(Middleware):
    """Raises wherever it can, and what ends a process if nobody catches it."""

    def start(self, run: Context) -> None:
        raise ValueError("broken at the start")

    def success(self, run: Context, result: Any) -> None:
        raise SystemExit(3)

    def failure(self, run: Context, error: BaseException) -> None:
        raise KeyboardInterrupt

    def dead(self, run: Context, error: str) -> None:
        raise RuntimeError("broken at the death")


middleware(Notes())
middleware(Broken())


@task(name="h.thread")
def in_thread(word: str) -> str:
    return f"{word} {TRACE.get()}"


@task(name="h.loop")
async def on_loop(word: str) -> str:
    return f"{word} {TRACE.get()}"


@task(name="h.process", pool="process")
def in_process(word: str) -> str:
    return f"{word} {TRACE.get()}"


@task(name="h.single")
@singleton
def singular(word: str, session: Session) -> str:
    session.execute(text("INSERT INTO acts (word) VALUES (:word)"), {"word": word})
    return f"{word} {TRACE.get()}"


@task(name="h.fails", retries=1, delay="10ms")
def fails(word: str) -> None:
    raise ValueError(word)


@task(name="h.slow", timeout="200ms")
async def slow(word: str) -> None:
    import asyncio

    await asyncio.sleep(600)
