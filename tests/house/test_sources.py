"""Can a file be parsed whatever the interpreter does meanwhile?"""

from __future__ import annotations

import ast
import gc

from tests.house.sources import parsed


def test_what_a_collection_of_garbage_parses_fails_no_parse_of_ours() -> None:
    text = "\n".join(f"x{n} = [{n}, {{'a': ({n}, {n})}}]" for n in range(200))
    collections: list[object] = []

    def collected(*_: object) -> None:
        collections.append(ast.parse("x"))

    before = gc.get_threshold()
    gc.callbacks.append(collected)
    gc.set_threshold(10)
    try:
        assert len(parsed(text).body) == 200
        gc.collect()
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(collected)
    assert collections
    assert gc.isenabled()
