from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from hypothesis import settings

# The same cases each time, so that a change is to blame for what it breaks.
settings.register_profile("ordinary", derandomize=True, deadline=None, database=None)
settings.register_profile("long", deadline=None, max_examples=2_000, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="Property tests try 20 times as many cases, new ones."
    )


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("long" if config.getoption("--long") else "ordinary")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none, unless its absence is to count as a failure."""
    if torch.cuda.is_available() or os.environ.get("LIVEMATTE_REQUIRE_GPU") == "1":
        return
    skip = pytest.mark.skip(reason="no CUDA device here")
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The user's cache folder is left alone; what one test compiles, the next finds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _own_journal(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test is told of recordings that another one, or the user, has left."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """A screen that nobody sees, as DISPLAY names it."""
    with x_server() as (name, _):
        yield name


@pytest.fixture
def own_display() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The same for one test alone, with its server, to which anything may be done."""
    with x_server() as (name, server):
        yield name, server


@contextmanager
def x_server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    for tool in ("Xvfb", "xdotool", "import"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-noreset", "-displayfd", str(writing), "-screen", "0", "1280x800x24"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as numbers:
        name = f":{numbers.readline().strip()}"
    try:
        yield name, server
    finally:
        server.send_signal(signal.SIGCONT)
        server.terminate()
        server.wait()
