from __future__ import annotations

import pytest

from tests.properties.cases import TRIED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"{TRIED.total():,} cases of bad input were tried.")
