"""How do we speak with Redis? Scripts by name, effects by protocol, failures by one table."""

from onebeat.wire.ahead import Ahead
from onebeat.wire.drive import drive, drive_async
from onebeat.wire.listening import Listening
from onebeat.wire.locate import find_store
from onebeat.wire.patience import insist, insist_timed
from onebeat.wire.scripts import Script, load, load_all
from onebeat.wire.steps import Call, Chain, Command, Effect, Pause, Protocol, ask
from onebeat.wire.store import AsyncStore, Store

__all__ = [
    "Ahead",
    "AsyncStore",
    "Call",
    "Chain",
    "Command",
    "Effect",
    "Listening",
    "Pause",
    "Protocol",
    "Script",
    "Store",
    "ask",
    "drive",
    "drive_async",
    "find_store",
    "insist",
    "insist_timed",
    "load",
    "load_all",
]
