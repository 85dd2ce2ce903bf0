"""Which node of a Cluster has a key's slot, and what follows when it has moved?

Redis Cluster specification: MOVED is for good (the map is read again), ASK is for one call, TRYAGAIN and
CLUSTERDOWN are for the caller to wait.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from onebeat.wire.guides import At, Route, as_text
from onebeat.wire.slots import SLOTS, slot_of_call
from onebeat.wire.urls import Node, Place

_NOWHERE = Node("", 0)
HOPS_MAX = 5  # a call that is sent from node to node more often than this is left to its caller


class ClusterGuide:
    """Which master serves each slot, as far as was told."""

    def __init__(self, place: Place) -> None:
        self._named = place.named
        self._owners: list[Node | None] = []  # of each slot; empty: the map is to be read
        self._known: tuple[Node, ...] = ()  # masters first, then replicas
        self._masters: tuple[Node, ...] = ()
        self._suspect: Node | None = None  # did not answer, so it is asked last

    def route(self, words: tuple[Any, ...], behind: tuple[tuple[Any, ...], ...] = ()) -> Route:
        """To the master of the slot of its keys; a call without any to the first master; SCAN to all."""
        import redis.exceptions as kinds

        try:
            slot = slot_of_call(words)
        except ValueError as problem:  # as a node would, without the way to it
            raise kinds.ClusterCrossSlotError(f"CROSSSLOT {problem}") from None
        if words[0] == "SCAN":
            return (yield from self._scan(words))
        return (yield from self._hops(At(_NOWHERE, words, behind), slot))

    def _hops(self, call: At, slot: int | None) -> Route:
        import redis.exceptions as kinds

        sent_to: Node | None = None
        for hop in range(1, HOPS_MAX + 1):
            if not self._owners:
                yield from self._learn()
            node, asking = (sent_to, True) if sent_to else (self._owner(slot), False)
            try:
                return (yield replace(call, node=node, asking=asking))
            except kinds.MovedError as told:
                self._owners, sent_to = [], None
                self._known = (_named_by(told, node), *self._known)  # it has the newest map
                if hop == HOPS_MAX:
                    raise
            except kinds.AskError as told:
                sent_to = _named_by(told, node)
                if hop == HOPS_MAX:
                    raise
            except (kinds.ConnectionError, kinds.TimeoutError, kinds.ClusterDownError, OSError):
                self._owners, self._suspect = [], node
                raise
        raise AssertionError("every hop returns or raises")

    def _owner(self, slot: int | None) -> Node:
        import redis.exceptions as kinds

        node = self._masters[0] if slot is None else self._owners[slot]
        if node is None:
            self._owners = []
            raise kinds.ClusterDownError(f"CLUSTERDOWN no node serves slot {slot}")
        return node

    def _scan(self, words: tuple[Any, ...]) -> Route:
        """The cursor also counts the masters: of n, the k-th's cursor c is c × n + k."""
        if not self._owners:
            yield from self._learn()
        masters = sorted(self._masters)
        cursor, k = divmod(int(words[1]), len(masters))
        after, keys = yield At(masters[k], (words[0], cursor, *words[2:]))
        if int(after) == 0:
            return [k + 1 if k + 1 < len(masters) else 0, keys]
        return [int(after) * len(masters) + k, keys]

    def _learn(self) -> Generator[At, Any, None]:
        """Read the map from the first node that tells it: known ones, then named ones, the suspect last."""
        import redis.exceptions as kinds

        nodes = dict.fromkeys((*self._known, *self._named))
        problem: Exception | None = None
        for node in sorted(nodes, key=lambda one: one == self._suspect):
            try:
                rows = yield At(node, ("CLUSTER", "SLOTS"), own=True)
            except (kinds.RedisError, OSError) as one:
                problem = one
                continue
            if rows:
                self._note(rows, node)
                return
        raise problem or kinds.ClusterDownError("CLUSTERDOWN no node serves any slot")

    def _note(self, rows: Any, told_by: Node) -> None:
        owners: list[Node | None] = [None] * SLOTS
        masters: list[Node] = []
        replicas: list[Node] = []
        for first, last, *nodes in rows:
            at = [Node(as_text(host or b"") or told_by.host, int(port)) for host, port, *_ in nodes]
            owners[int(first) : int(last) + 1] = [at[0]] * (int(last) - int(first) + 1)
            masters.append(at[0])
            replicas += at[1:]
        self._masters = tuple(dict.fromkeys(masters))
        self._known = tuple(dict.fromkeys((*masters, *replicas)))
        self._owners, self._suspect = owners, None


def _named_by(told: Any, node: Node) -> Node:
    """Where MOVED and ASK point; without a host it is another port of the host that said so."""
    return Node(told.host or node.host, told.port)
