"""Where is each message? Records, the moves between states, and the clients that send."""

from onebeat.queue.client import AsyncClient, Client, Handle
from onebeat.queue.signing import KeyRing, ring_from
from onebeat.queue.states import MOVES, TERMINAL, Move, State

__all__ = ["MOVES", "TERMINAL", "AsyncClient", "Client", "Handle", "KeyRing", "Move", "State", "ring_from"]
