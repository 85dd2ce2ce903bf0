"""Which faults are there, what must happen, and which test shows it? One table. Pure.

`docs/reference/faults.md` is written from it. A row without a test says in `why` what is missing.
"""

from __future__ import annotations

from tests.faults import beat_rows, other_rows, store_rows, worker_rows

# the first letter of a row's id → what it is about
PARTS = {"B": "The beat", "W": "The worker", "R": "The store", "S": "The database", "O": "What operators do"}
MATRIX = (*beat_rows.ROWS, *worker_rows.ROWS, *store_rows.ROWS, *other_rows.ROWS)
