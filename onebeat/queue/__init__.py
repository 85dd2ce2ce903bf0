"""Where is each message? Records, the moves between states, and the clients that send."""

from onebeat.queue.client import AsyncClient, Client
from onebeat.queue.dead import Which
from onebeat.queue.handle import AsyncHandle, Handle
from onebeat.queue.operators import By, Tally
from onebeat.queue.signing import KeyRing, ring_from
from onebeat.queue.states import MOVES, TERMINAL, Move, State
from onebeat.queue.whole import AsyncQueue, Queue

__all__ = [
    "MOVES",
    "TERMINAL",
    "AsyncClient",
    "AsyncHandle",
    "AsyncQueue",
    "By",
    "Client",
    "Handle",
    "KeyRing",
    "Move",
    "Queue",
    "State",
    "Tally",
    "Which",
    "ring_from",
]
