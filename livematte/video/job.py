"""Mattes a video file into another one: everything but the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from livematte.background import Background, Blur, Picture, Transparent, files_of
from livematte.backgrounds.parse import parse
from livematte.errors import MatteError, SinkError, UsageError
from livematte.media.identity import require_apart
from livematte.media.names import require_readable_name
from livematte.media.whole_file import Taken
from livematte.options.rendering import USUAL, RenderOptions
from livematte.pipeline.events import PipelineEvents
from livematte.pipeline.pipeline import Pipeline
from livematte.pipeline.scene import Scene
from livematte.render.opening import open_renderer
from livematte.render.renderer import OpenedRenderer
from livematte.sinks import Sink, open_output
from livematte.sources import VideoFile
from livematte.text.counted import counted
from livematte.video.names import name_outputs
from livematte.video.save import Composited, MatteOnly, OnBlack, Save

if TYPE_CHECKING:
    from livematte.frame import Frame, Rendered, Size


class VideoJob:
    """Mattes one video file into another, every frame, as fast as possible.

    Frames, times, colours and sound are kept from the input. It prints nothing and raises
    `LivematteError`s. A job runs once.
    """

    def __init__(
        self,
        input_path: Path,
        output: str | Path,
        *,
        save: Save | Sequence[Save] = Save.COMPOSITE,
        background: Background | None = None,
        start_seconds: float | None = None,
        end_seconds: float | None = None,
        quality: int | None = None,
        overwrite: bool = False,
        fail_on_bad_matte: bool = False,
        options: RenderOptions = USUAL,
        on_ready: Callable[[], None] = lambda: None,
        on_progress: Callable[[int], None] = lambda _frames: None,
        on_trouble: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        """Check everything that can be checked without opening anything.

        output: a file, whose extension gives its format, a folder or a pattern for PNGs, or "-" for
            the standard output. For several, see `name_outputs`.
        save: what to write; several are made in one pass, each into its own file.
        background: what the person is composited on; None for green. Only with `Save.COMPOSITE`.
        start_seconds, end_seconds: only the frames with start <= time < end, on the timeline that
            players show. The result begins at 0 with the first of them.
        quality: H.264 and VP9 quality, 1 to 100, like JPEG; None for 75.
        overwrite: replace existing files.
        fail_on_bad_matte: end with a `MatteError` at the first frame whose matte cannot be right
            (`matting.matte_guard`). Otherwise the background alone is written for it, and
            `remarks` has its time.
        options: how mattes are computed.
        on_ready: called before the first picture; `description` and `total_frames` are then known.
        on_progress: called after each picture with the number written.
        on_trouble: called with a sentence if the output takes long, or hangs.
            The thread that called `run` calls all three.

        Raises `UsageError` if the options cannot be used.
        """
        require_readable_name(input_path)
        saves = list(dict.fromkeys([save] if isinstance(save, Save) else save))
        _require_fitting(saves, background)
        self._source = VideoFile(
            input_path, realtime=False, start_seconds=start_seconds, end_seconds=end_seconds
        )
        names = name_outputs(input_path, os.fspath(output), saves)
        self._folders = {Path(each).parent for each in names} if len(names) > 1 else set()
        inputs = [input_path, *files_of([background])]
        require_apart(names, inputs)
        self._outputs = [
            open_output(
                name,
                transparent=each is Save.CUTOUT,
                quality=quality,
                recording=self._source,
                taken=Taken.REPLACE if overwrite else Taken.REFUSE,
                inputs=inputs,
            )
            for each, name in zip(saves, names, strict=True)
        ]
        self.output_names = names
        """The outputs, in the order of `save`."""
        self._saves = saves
        self._fail_on_bad_matte = fail_on_bad_matte
        self._bad = _Stretches()
        self._on_progress = on_progress
        self.frames = 0
        """Number of pictures written."""
        self._seconds = -1.0
        self._said: list[str] = []
        if background is None and Save.COMPOSITE in saves:
            background = parse("green")
        self._background = background
        # With other outputs, the composite is made where it is written; the matte exists anyway.
        is_shared = Save.COMPOSITE in saves and not {*saves} <= {Save.COMPOSITE, Save.ALPHA}
        rendered_on = Transparent() if background is None or is_shared else background
        sinks = [
            Composited(sink, background, options.refinement.light_wrap, on_trouble)
            if is_shared and each is Save.COMPOSITE and isinstance(background, Picture)
            else _sink(each, sink)
            for each, sink in zip(saves, self._outputs, strict=True)
        ]

        def open_for(frame_size: Size) -> OpenedRenderer:
            return open_renderer(options, frame_size, self._said.append)

        self.pipeline = Pipeline(
            self._source,
            open_for,
            Scene((rendered_on,)),
            sinks,
            events=PipelineEvents(
                ready=lambda _choice: on_ready(),
                sent=self._count,
                doubt=self._note_bad_matte,
                trouble=on_trouble,
            ),
        )

    @property
    def description(self) -> str:
        """Input, device, background and outputs in one line; known from `on_ready` on."""
        choice = self.pipeline.choice
        assert choice is not None, "it is known from on_ready on"
        reason = f" ({choice.reason})" if choice.reason else ""
        behind = "" if self._background is None else self._background.description
        made = [
            f"{behind if each is Save.COMPOSITE else each.value} → {output.description}"
            for each, output in zip(self._saves, self._outputs, strict=True)
        ]
        parts = (self._source.description, choice.renderer.description + reason, ", ".join(made))
        return " → ".join(parts)

    @property
    def total_frames(self) -> int | None:
        """The approximate number of pictures, from `on_ready` on; None if it is not known."""
        return self._source.frame_count

    @property
    def remarks(self) -> list[str]:
        """What differs from what was asked for, in sentences, once the job has run or failed."""
        said = [remark for output in self._outputs for remark in output.remarks]
        remarks = list(dict.fromkeys([*self._said, *self._source.remarks, *said]))
        if self._bad.frames:
            shown = counted(self._bad.frames, "frame shows", "frames show")
            remarks.append(f"{shown} the background alone, without a usable matte: {self._bad}")
        if self._stopped_early and self.frames:
            remarks.append(f"stopped early after {counted(self.frames, 'frame')}")
        return remarks

    def run(self) -> None:
        """Run to the end, or until it is stopped; a stopped job leaves a whole file.

        Raises `LivematteError` if something failed. The part written so far is kept under a name
        that says that it is incomplete; `remarks` has that name. PNGs stay.
        """
        for folder in self._folders:
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                raise SinkError(
                    f"The folder {folder} cannot be made: {error.strerror}.",
                    "Name a folder in a place that exists and that you may write to.",
                ) from error
        self.pipeline.run()

    def stop(self) -> None:
        """End soon and keep what is written; from any thread, and from signal handlers."""
        self.pipeline.stop()

    @property
    def _stopped_early(self) -> bool:
        last = self._source.last_seconds
        return last is None or self._seconds < float(last - self._source.first_seconds)

    def _note_bad_matte(self, frame: Frame, error: MatteError) -> None:
        if self._fail_on_bad_matte:
            raise MatteError(error.doubt, frame.index, frame.media_seconds) from error
        self._bad.add(frame, error.doubt)

    def _count(self, picture: Rendered) -> None:
        self.frames += 1
        self._seconds = picture.media_seconds
        self._on_progress(self.frames)


class _Stretches:
    """The frames with bad mattes: from when to when, in the result's times, and why."""

    SHOWN = 5
    """How many are named; a film can have many."""

    def __init__(self) -> None:
        self.frames = 0
        self._stretches: list[tuple[float, float, str]] = []
        self._last_index = -2

    def add(self, frame: Frame, doubt: str) -> None:
        start, why = frame.media_seconds, doubt
        if frame.index == self._last_index + 1:
            start, _, why = self._stretches.pop()
        self._stretches.append((start, frame.media_seconds, why))
        self._last_index = frame.index
        self.frames += 1

    def __str__(self) -> str:
        told = [
            (f"at {start:.2f} s" if start == end else f"{start:.2f} to {end:.2f} s")
            + f" ({why[:1].lower()}{why[1:]})"
            for start, end, why in self._stretches[: self.SHOWN]
        ]
        more = len(self._stretches) - self.SHOWN
        return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def _sink(save: Save, output: Sink) -> Sink:
    if save is Save.ALPHA:
        return MatteOnly(output)
    if save is Save.FOREGROUND:
        return OnBlack(output)
    return output


def _require_fitting(saves: Sequence[Save], background: Background | None) -> None:
    """Raises `UsageError` if nothing is to be saved, or the background does not fit it."""
    if not saves:
        raise UsageError("Nothing is to be saved.", "Give --save composite, or another kind.")
    if Save.COMPOSITE not in saves and background is not None:
        raise UsageError(
            f"There is no background in what --save {saves[0].value} writes.",
            "Leave out the background.",
        )
    if isinstance(background, Transparent):
        raise UsageError("A composite has a background.", "Use --save cutout instead.")
    others = [each.value for each in saves if each not in (Save.COMPOSITE, Save.ALPHA)]
    if isinstance(background, Blur) and others:
        # The blur is of the room, which a cut-out does not have.
        raise UsageError(
            f"A composite on a blurred room cannot be made together with --save {others[0]}.",
            f"Use another background, or make them one by one: --save {others[0]} alone.",
        )
