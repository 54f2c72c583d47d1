"""The contracts of sources and sinks, held by real devices of a real kernel."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.lab import needs_lab, run_in_lab

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.lab
@needs_lab
def test_cameras_and_virtual_cameras_keep_their_promises() -> None:
    command = "cd {} && exec {} -m pytest -q -p no:cacheprovider --noconftest -k {} {} {}"
    files = (REPOSITORY / "tests" / each / "test_contract.py" for each in ("sources", "sinks"))
    which = "'not every_wait'"  # a virtual camera waits for nobody
    command = command.format(REPOSITORY, sys.executable, which, *files)
    said = run_in_lab("sh", "-c", command, seconds=120)
    print(said.strip().splitlines()[-1])
    assert " passed" in said
    assert "skipped" not in said
