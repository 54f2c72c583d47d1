from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from livematte.cli.plain import ENCODING_ERRORS, without_controls
from livematte.cli.streams import MOST_BYTES, QueuedText

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it fills a pipe")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Its reading and its writing end, full."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"." * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def test_writing_never_waits_and_what_is_left_out_is_counted(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    text = QueuedText(writing, "utf-8")
    line = "x" * 99 + "\n"
    began = time.monotonic()
    for _ in range(3 * MOST_BYTES // len(line)):
        text.write(line)
    assert time.monotonic() - began < 1
    seen = b""
    while seen.count(b"\n") < MOST_BYTES // len(line):
        seen += os.read(reading, 1 << 16)
    text.write("and on\n")
    reader = threading.Thread(target=text.close_within, args=(5,))
    reader.start()
    while b"and on" not in seen:
        seen += os.read(reading, 1 << 16)
    reader.join()
    left_out = 3 * MOST_BYTES // len(line) - seen.count(b"xxx\n")
    assert left_out > 0
    assert f"livematte: {left_out} lines were left out".encode() in seen


def test_the_end_waits_for_a_reader_but_not_for_long(pipe: tuple[int, int]) -> None:
    text = QueuedText(pipe[1], "utf-8")
    text.write("the last\n")
    began = time.monotonic()
    text.close_within(0.3)
    assert 0.2 < time.monotonic() - began < 1
    os.read(pipe[0], 1 << 20)  # lets its thread end


def test_all_is_said_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    reading, writing = os.pipe()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        text = QueuedText(writing, "utf-8")
        text.write("one\n")
        text.write("two\n")
        text.close_within(0.3)
    os.close(writing)
    with os.fdopen(reading) as file:
        assert file.read() == "one\ntwo\n"


def test_letters_that_an_encoding_lacks_become_others() -> None:
    assert "a → b … │ é".encode("latin-1", ENCODING_ERRORS).decode("latin-1") == "a -> b ... | é"
    assert "\udcff".encode("utf-8", ENCODING_ERRORS) == b"\\udcff"


def test_names_cannot_steer_a_terminal() -> None:
    assert without_controls("a\x1b[2Jb\r\u202ec\x9b\nd") == "a\\x1b[2Jb\\r\\u202ec\\x9b\nd"
