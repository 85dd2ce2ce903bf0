"""Is the table of faults whole, and does each test that it names exist?"""

from __future__ import annotations

import ast
import re

import pytest

from tests.faults.matrix import MATRIX, PARTS
from tests.faults.row import Row
from tests.house.sources import ROOT, tree

TESTED = [row for row in MATRIX if row.test]


@pytest.mark.parametrize("row", TESTED, ids=lambda row: row.id)
def test_the_test_exists(row: Row) -> None:
    path, _, name = row.test.partition("::")
    file = ROOT / "tests" / path
    assert file.exists(), f"{row.id} names {path}, which is not there"
    functions = {node.name for node in ast.walk(tree(file)) if isinstance(node, ast.FunctionDef)}
    assert name in functions, f"{row.id}: {path} has no {name}"


def test_every_row_has_a_test_or_says_why_not() -> None:
    assert [row.id for row in MATRIX if bool(row.test) == bool(row.why)] == []
    assert [row.id for row in TESTED if not row.expected] == []


def test_names_are_different_and_in_order() -> None:
    ids = [row.id for row in MATRIX]
    assert len(set(ids)) == len(ids)
    assert {id_[0] for id_ in ids} == set(PARTS)
    order = list(PARTS)
    assert ids == sorted(ids, key=lambda id_: (order.index(id_[0]), id_))
    assert all(re.fullmatch(r"[A-Z]\d\d", id_) for id_ in ids)


def test_most_of_it_runs() -> None:
    assert len(TESTED) / len(MATRIX) > 0.85
