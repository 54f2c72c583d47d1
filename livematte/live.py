"""Frames of one's own, live: what a call does with a camera, for programs that have the frames.

    from livematte import Live

    with Live(size=(1280, 720), background="blur") as live:
        picture = live.process(frame)  # uint8 BGR (720, 1280, 3), as OpenCV captures it
        cv2.imshow("me", picture.image)

What comes back is made from that frame and its own matte, never from an earlier one.
"""

from __future__ import annotations

import logging
import operator
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from livematte.backgrounds.choosing import chosen, named_by
from livematte.backgrounds.named import Choice, parse_named
from livematte.errors import MatteError, RenderError, UsageError
from livematte.frame import Frame, Image, Rendered, Size
from livematte.options.changed import changed
from livematte.options.changes import (
    Change,
    Mirror,
    NextBackground,
    PreviousBackground,
    ReplaceBackgrounds,
    SetBackground,
    SetBlur,
    SetDevice,
    SetRefinement,
    check_kinds,
)
from livematte.options.rendering import Device, RenderOptions
from livematte.options.settings import LiveSettings
from livematte.pipeline.picture_guard import covers_everything
from livematte.pipeline.scene import Scene
from livematte.pipeline.stage import Stage
from livematte.render.opening import open_renderer
from livematte.render.renderer import Renderer

COLLECT_SECONDS: Final = 0.1
HANGING_SECONDS: Final = 20.0
"""A device that has worked on one frame for so long will not finish it."""

_LOG: Final = logging.getLogger("livematte")

BackgroundName: TypeAlias = "str | os.PathLike[str]"

Result = TypeVar("Result")

CHANGES: Final = (
    SetBackground,
    NextBackground,
    PreviousBackground,
    ReplaceBackgrounds,
    SetBlur,
    SetRefinement,
    SetDevice,
    Mirror,
)
"""What `Live.change` takes."""


@dataclass(frozen=True, slots=True, eq=False)
class LivePicture:
    """A picture that may be seen: the person in front of the background, nothing of the room.

    image: uint8 BGR (H, W, 3). On a transparent background the person's colours with straight
        alpha, and 0 wherever alpha is 0.
    alpha: uint8 (H, W); 0 is background, 255 is person.

    Both are the caller's own: nothing writes into them later.
    """

    image: Image
    alpha: Image


class Live:
    """Puts people in front of another background, frame by frame, as they come.

    Any thread may call, one at a time: the others wait. Mattes are made steady over time, so that a
    `Live` is for the frames of one camera or video, in their order. Close it, by `with` or by
    `close`: it holds the network and some threads.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int],
        background: BackgroundName | Sequence[BackgroundName] = "green",
        device: str = "auto",
        precision: str = "auto",
        quality: str = "balanced",
        without: Iterable[str] = (),
        edge: int = 0,
        light_wrap: float = 0.0,
        mirror: bool = False,
        matte_short_side: int | None = None,
        threads: int | None = None,
        weights: str = "photographic",
        on_notice: Callable[[str], None] = _LOG.warning,
    ) -> None:
        """Opens the renderer, which takes a second or more.

        size: width and height of all frames, in pixels.
        background: what stands behind the person, as `--background` takes it: "blur", "blur:40",
            "transparent", "#1e90ff", "beach.jpg", a video or a folder. Several in a list, of which
            the first is shown, and the others can be changed to.
        device: auto, cpu, cuda, cuda:N, openvino:GPU, openvino:NPU or torch:cpu.
        precision: auto, fp32, int8 or fp16.
        quality: fast, balanced or best.
        without: of steady, islands, edges and colours what is not to be done to mattes.
        edge: from -10 to 10 pixels in a frame 720 rows high; negative moves the edge inwards.
        light_wrap: from 0 to 1, how much of the background's light falls on the person.
        mirror: show the whole picture in the mirror, the background too.
        matte_short_side: shorter side, in pixels, of what the network sees; None for the usual.
        threads: how many of the processor's cores to use; None for all.
        weights: photographic, webcam if it was pulled, or the path of a converted file.
        on_notice: told in a sentence, by any thread, what a person should know: what a background
            does not hide, or that the device does something else. It must not call this `Live`. By
            default it is logged.

        Raises `UsageError` if an option cannot be, `BackgroundError` if a background cannot be
        read, `DeviceError` if the device cannot be used, and `WeightsError` if the weights cannot.
        """
        self._size = _checked_size(size)
        self._on_notice = on_notice
        names = [background] if isinstance(background, (str, os.PathLike)) else [*background]
        self._settings = LiveSettings(
            tuple(os.fspath(each) for each in names),
            quality=quality,
            without=frozenset(without),
            edge=edge,
            light_wrap=light_wrap,
            device=device,
            precision=precision,
            mirrored=mirror,
        )
        self._matte_short_side = matte_short_side
        self._threads = threads
        self._weights = weights
        self._frames = 0
        self._began_seconds: float | None = None
        self._is_closed = False
        self._renderer: Renderer
        self._choice = Choice.of([])
        self._stage = Stage(Scene(()), live=True, on_trouble=on_notice)
        # A renderer belongs to the thread that opened it, and callers may have several.
        self._thread = ThreadPoolExecutor(1, "livematte")
        try:
            self._settings = self._call(self._open)
        except BaseException:
            self._thread.shutdown()
            raise

    @property
    def size(self) -> Size:
        """Width and height of all frames."""
        return self._size

    @property
    def settings(self) -> LiveSettings:
        """The settings that the next frame is rendered with."""
        return self._settings

    @property
    def description(self) -> str:
        """The device and the matte's size: "OpenVINO int8 on the CPU, matte at 512x288"."""
        return self._renderer.description

    def process(self, frame: NDArray[Any], seconds: float | None = None) -> LivePicture:
        """The picture made from `frame`, uint8 BGR (H, W, 3), which is only read.

        seconds: the frame's place on the timeline of a moving background; None for now, counted
            from the first frame.

        Raises `ValueError` if the frame is of another kind or size; `MatteError` if its matte
        cannot be right, which is no reason to show the frame: show the last picture or none, and go
        on with the next; `RenderError`, of which that is one, if the device failed, and
        `RuntimeError` if this was closed.
        """
        _require_frame(frame, self._size)
        return self._call(lambda: self._process(frame, seconds))

    def change(self, change: Change) -> LiveSettings:
        """Change backgrounds, blur, refinement, device or mirroring, from the next frame on.

        Returns the settings as they are then. Another device takes a second or more.

        Raises `UsageError` if it cannot be, or is a change for a run that has a camera, windows and
        files of its own; and what opening a `Live` raises. Nothing has changed then.
        """
        return self._call(lambda: self._change(change))

    def close(self) -> None:
        """Give everything back. Twice is fine."""
        if not self._is_closed:
            self._is_closed = True
            self._thread.submit(self._close).result()
            self._thread.shutdown()

    def __enter__(self) -> Live:
        if self._is_closed:
            raise RuntimeError("This Live is closed. Make another one.")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _call(self, work: Callable[[], Result]) -> Result:
        """Do it in the renderer's thread."""
        if self._is_closed:
            raise RuntimeError("This Live is closed. Make another one.")
        return self._thread.submit(work).result()

    # --- the renderer's thread

    def _open(self) -> LiveSettings:
        choice = Choice.of(parse_named(self._settings.backgrounds, self._on_notice))
        self._renderer = self._opened(self._settings)
        return self._shown(self._settings, choice)

    def _opened(self, settings: LiveSettings) -> Renderer:
        options = RenderOptions(
            Device.parse(settings.device),
            settings.precision,
            self._matte_short_side,
            self._threads,
            self._weights,
            settings.refinement,
        )
        return open_renderer(options, self._size, self._on_notice).renderer

    def _shown(self, settings: LiveSettings, choice: Choice) -> LiveSettings:
        """The settings with these backgrounds, from the next frame on."""
        settings = replace(settings, backgrounds=choice.texts, background_index=choice.index)
        self._stage.show(Scene.of(settings, choice))
        self._choice = choice
        self._stage.drop_left()
        return settings

    def _close(self) -> None:
        self._stage.end()
        self._renderer.close()

    def _process(self, image: NDArray[Any], seconds: float | None) -> LivePicture:
        now = time.monotonic()
        if self._began_seconds is None:
            self._began_seconds = now
        frame = Frame(
            np.ascontiguousarray(image),
            self._frames,
            now,
            now - self._began_seconds if seconds is None else seconds,
        )
        self._frames += 1
        scene = self._stage.scene
        picture = self._render(frame, scene)
        if covers_everything(picture):
            raise MatteError("The matte is of no use: it covers everything", frame.index)
        if scene.mirrored:
            return LivePicture(
                np.ascontiguousarray(picture.image[:, ::-1]),
                np.ascontiguousarray(picture.alpha[:, ::-1]),
            )
        return LivePicture(picture.image.copy(), picture.alpha.copy())

    def _render(self, frame: Frame, scene: Scene) -> Rendered:
        """The picture of this frame; those of frames that were given up are left out."""
        until_seconds = time.monotonic() + HANGING_SECONDS
        is_submitted = False
        while time.monotonic() < until_seconds:
            is_submitted = is_submitted or self._renderer.submit(
                frame, scene.background, scene.refinement
            )
            picture = self._renderer.collect(COLLECT_SECONDS)
            if picture is not None and picture.index == frame.index:
                return picture
        raise RenderError(
            f"The device has not finished frame {frame.index} for {HANGING_SECONDS:.0f} seconds.",
            "Try another device.",
        )

    def _change(self, change: Change) -> LiveSettings:
        # Here, where no frame is rendered meanwhile: backgrounds and their index go together.
        self._settings = self._changed(change)
        return self._settings

    def _changed(self, change: Change) -> LiveSettings:
        check_kinds(change)
        if not isinstance(change, CHANGES):
            raise UsageError(
                f"{type(change).__name__} is for runs of the command, not for a Live.",
                "Do that in your program, which has the frames and the pictures.",
            )
        if isinstance(change, SetDevice):
            settings = replace(self._settings, device=change.device, precision=change.precision)
            # The present one stays until the other is there.
            renderer = self._opened(settings)
            self._renderer.close()
            self._renderer = renderer
            return settings
        named = named_by(change, self._choice, self._on_notice)
        choice = chosen(self._choice, change, named)
        assert choice is not None, "no other thread changes the choice"
        return self._shown(changed(self._settings, change), choice)


def _checked_size(size: tuple[int, int]) -> Size:
    try:
        width, height = map(operator.index, size)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"Size {size!r} is not a width and a height.", "Give pixels, such as (1280, 720)."
        ) from error
    if width < 1 or height < 1:
        raise UsageError(f"Size {width}x{height} has no pixels.", "Try (1280, 720).")
    return Size(width, height)


def _require_frame(frame: NDArray[Any], size: Size) -> None:
    """Raises `ValueError` if it is not uint8 BGR (H, W, 3) of `size`."""
    expected = f"frame: expected uint8 BGR ({size.height}, {size.width}, 3)"
    if not isinstance(frame, np.ndarray):
        raise ValueError(f"{expected}, got {type(frame).__name__}")
    if frame.dtype != np.uint8 or frame.shape != (size.height, size.width, 3):
        raise ValueError(f"{expected}, got {frame.dtype} {frame.shape}")
