"""Saves parts of a run: a recording, and snapshots."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from livematte.errors import SinkError, UsageError
from livematte.pipeline.outlet import Outlet
from livematte.pipeline.outputs import Outputs
from livematte.sinks.dated import new_name
from livematte.sinks.output import open_output
from livematte.sinks.sink import Sink
from livematte.sinks.snapshot import SnapshotSink
from livematte.sinks.video.writer import VideoWriter

NAME: Final = "livematte %Y-%m-%d %H.%M.%S"

OPEN_SECONDS: Final = 5.0
FINISH_SECONDS: Final = 60.0
"""Long, because a long recording's index is moved to its beginning."""

PICTURE_SECONDS: Final = 2.0
"""How long to wait for a picture: none comes while the slate is shown."""


class Recorder:
    """Starts and stops recordings, and saves snapshots. Not thread-safe.

    remarks: sentences for the user about recordings and snapshots.
    """

    def __init__(self, outputs: Outputs) -> None:
        self.remarks: list[str] = []
        self._outputs = outputs
        self._recording: tuple[VideoWriter, Outlet, Path] | None = None

    @property
    def sink(self) -> Sink | None:
        """The current recording."""
        return None if self._recording is None else self._recording[0]

    def start(self, path: Path | None, *, transparent: bool) -> Path:
        """Start a recording, and return its path once it is open.

        path: must not exist; None for a new name with the date, in the working directory.

        Raises `UsageError` if there is a recording already, or if the path is not suitable for
        one, and `SinkError` if it cannot be opened.
        """
        if self._recording is not None:
            raise UsageError(f"Already recording {self._recording[2]}.", "Stop it first.")
        if path is None:
            path = new_name(NAME + (".mov" if transparent else ".mp4"))
        sink = open_output(path, transparent) if str(path) != "-" else None
        if not isinstance(sink, VideoWriter):
            raise UsageError(f"{path} is not a video file name.", "Use a name such as talk.mp4.")
        outlet = self._outputs.join(sink)
        if not outlet.wait(lambda: outlet.was_open or outlet.ended, OPEN_SECONDS):
            self._outputs.leave(outlet)
            raise SinkError(f"{path} did not open in time.", "Check that its drive responds.")
        if not outlet.was_open:
            assert outlet.error is not None
            raise outlet.error
        self._recording = sink, outlet, path
        return path

    def stop(self) -> Path:
        """End the recording, and return its path once it is finished.

        Raises `UsageError` if there is none, and what its sink raises if it fails.
        """
        if self._recording is None:
            raise UsageError("Nothing is being recorded.", "Start a recording first.")
        (sink, outlet, path), self._recording = self._recording, None
        self._outputs.leave(outlet)
        has_ended = outlet.wait(lambda: outlet.ended, FINISH_SECONDS)
        self._note(sink, outlet, path)
        if not has_ended:
            raise SinkError(f"{path} is still being finished.", "Wait until it is done.")
        if outlet.error is not None:
            raise outlet.error
        return path

    def has_failed(self) -> bool:
        """Whether the recording has failed by itself; it is over then."""
        if self._recording is None or not self._recording[1].ended:
            return False
        self._note(*self._recording)
        self._recording = None
        return True

    def end(self) -> None:
        """End the recording, after the run has ended."""
        if self._recording is not None:
            self._note(*self._recording)
            self._recording = None

    def save_snapshot(self, path: Path | None) -> Path:
        """Save the next picture that is sent, and return its path once it is written.

        path: see `SnapshotSink`. Raises `UsageError` if no picture comes, and `SinkError` if it
        cannot be written.
        """
        sink = SnapshotSink(path)
        outlet = self._outputs.join(sink)
        was_sent = sink.wait(PICTURE_SECONDS)
        self._outputs.leave(outlet)
        if not was_sent:
            raise UsageError("No picture to save now.", "Try again when you are visible.")
        if sink.error is not None:
            raise sink.error
        self.remarks.append(f"snapshot {sink.path}")
        return sink.path

    def _note(self, sink: VideoWriter, outlet: Outlet, path: Path) -> None:
        is_empty = outlet.ended and not path.exists()
        remark = f"{path}: nothing to record, only slates" if is_empty else f"recorded {path}"
        self.remarks.extend(sink.remarks or [remark])
