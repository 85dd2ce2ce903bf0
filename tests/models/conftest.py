"""Where the models cannot be checked, the report says so."""

from __future__ import annotations

import pytest

from tests.models.tools import COMPILER, SPIN


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not (SPIN and COMPILER):
        terminalreporter.write_line("models: NOT checked, spin or cc is missing (apt install spin gcc)")
