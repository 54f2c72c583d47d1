"""Owns the settings of a live run, changes them while it goes on, and tells how it is going.

    keys, SIGHUP, another program ── Change ──> Controller.apply ──> Pipeline

A change is checked first; a wrong one raises `UsageError` and changes nothing.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from livematte.backgrounds.choosing import chosen, named_by
from livematte.backgrounds.named import Choice, NamedBackground
from livematte.errors import LivematteError, UsageError
from livematte.options import changes
from livematte.options.changed import changed
from livematte.options.changes import Change
from livematte.options.rendering import CPU, Device, RenderOptions
from livematte.options.settings import LiveSettings, LiveSnapshot, LiveState
from livematte.pipeline.events import NO_EVENTS, NO_LIMITS, Limits, PipelineEvents
from livematte.pipeline.pipeline import Pipeline
from livematte.pipeline.recorder import Recorder
from livematte.pipeline.repair import Opening
from livematte.pipeline.run_state import StateTaker
from livematte.pipeline.scene import Scene
from livematte.pipeline.slates import PAUSED
from livematte.render.opening import open_renderer
from livematte.sources.choosing import find_camera
from livematte.sources.switchable import SwitchableSource
from livematte.threads.request import Request, RunEndedError
from livematte.threads.start import NoThreadError
from livematte.threads.worker import Worker

if TYPE_CHECKING:
    from livematte.frame import Size
    from livematte.pipeline.on_demand import OnDemand
    from livematte.render.renderer import OpenedRenderer
    from livematte.sinks import Sink
    from livematte.sources import Source

OpenRenderer = Callable[[RenderOptions, "Size"], "OpenedRenderer"]
"""Opens a renderer for frames of a size."""

CAMERA_SECONDS: Final = 20.0
DEVICE_SECONDS: Final = 120.0
"""How long another is waited for. PyTorch's first use of CUDA takes half a minute."""

SHOWN_SECONDS: Final = 0.5
"""How long the loop is given to show a change, before whoever asked for it goes on."""


class Controls(Protocol):
    """Where a person asks for changes: the preview's keys, or SIGHUP. The loop's thread calls."""

    def poll(self) -> list[Change]:
        """What was asked for since the last call."""
        ...

    def tell(self, sentence: str) -> None:
        """Why what was asked for cannot be."""
        ...


class Controller:
    """A live run, from its beginning to its end.

    `apply`, `snapshot` and `stop` may be called by any thread.
    """

    def __init__(
        self,
        settings: LiveSettings,
        backgrounds: Sequence[NamedBackground],
        source: Source,
        sinks: Sequence[Sink],
        rendering: RenderOptions,
        *,
        open_renderer: OpenRenderer | None = None,
        make_camera: Callable[[str], Source] | None = None,
        on_demand: OnDemand | None = None,
        controls: Sequence[Controls] = (),
        limits: Limits = NO_LIMITS,
        events: PipelineEvents = NO_EVENTS,
        on_change: Callable[[Change, LiveSettings], None] = lambda _change, _settings: None,
    ) -> None:
        """settings: at first. Their `backgrounds` are the texts of `backgrounds`.

        source: not open yet. A `SwitchableSource`, and `make_camera`, let the camera be changed.
        rendering: how mattes are computed, but for what `settings` say.
        open_renderer: None for livematte's own.
        make_camera: makes the source of a camera that `find_camera` found.
        controls: polled many times a second.
        on_change: called after each change that `controls` asked for, by any thread.
        """
        self._settings = settings
        self._choice = Choice.of(backgrounds, settings.background_index)
        self._source = source
        self._sinks = list(sinks)
        self._rendering = rendering
        self._open_renderer = open_renderer or self._open_usual
        self._make_camera = make_camera
        self._controls = controls
        self._on_trouble = events.trouble
        self._on_change = on_change
        self._notice = ""
        """What the slate says while something is exchanged."""
        self._lock = threading.RLock()
        """Held while the settings change, which takes no time."""
        self._exchanging = threading.Lock()
        """Held while one thread waits for a camera or a device."""
        self._saving = threading.Lock()
        """Held while one waits for a file."""
        self._turned = threading.Condition()
        self._turns = 0
        self._loop: threading.Thread | None = None
        self._worker = Worker("changes")
        self._told: deque[tuple[Controls, str]] = deque()
        self.pipeline = Pipeline(
            source,
            self._opening(settings.device, settings.precision),
            self._scene(),
            sinks,
            open_fallback=self._opening(str(CPU), "auto"),
            on_demand=on_demand,
            limits=limits,
            events=replace(events, turn=self._turn),
        )
        self._recorder = Recorder(self.pipeline.outputs)
        self._state_taker = StateTaker(self.pipeline, source)
        self._state = LiveState(0.0, None, None, 0, 0, "", "", self.pipeline.notice, False)

    # --- from any thread

    @property
    def settings(self) -> LiveSettings:
        return self._settings

    def snapshot(self) -> LiveSnapshot:
        """The settings and the state, as they are together."""
        with self._lock:
            wished = self.pipeline.stage.scene.notice  # the slate says it from the next turn on
            state = replace(self._state, notice=wished) if wished else self._state
            return LiveSnapshot(self._settings, state)

    def apply(self, change: Change) -> LiveSettings:
        """Change what `change` says, and return the settings once it is seen.

        That takes a moment for what is shown, and some seconds for a camera, a device or a file;
        the call goes on meanwhile.

        Raises `UsageError` if it cannot be; nothing has changed then.
        """
        changes.check_kinds(change)
        try:
            if isinstance(change, changes.Quit):
                self.stop()
            elif isinstance(change, _LONG):
                self._require_another_thread()
                self._do_long(change)
            else:
                self._change_scene(change)
                self._wait_until_shown()
        except UsageError:
            raise
        except LivematteError as error:
            raise UsageError(error.problem, error.remedy) from error
        return self._settings

    def stop(self) -> None:
        """End the run soon and in good order; from signal handlers, too."""
        self.pipeline.stop()

    # --- the run

    def run(self) -> None:
        """Run until it is over. Raises as `Pipeline.run`."""
        self._loop = threading.current_thread()
        try:
            self.pipeline.run()
        finally:
            self._loop = None
            self._worker.end()
            self._recorder.end()

    @property
    def remarks(self) -> list[str]:
        """What people must be told in the end, each in a sentence."""
        told = [remark for sink in self._sinks for remark in sink.remarks]
        others = self._recorder.remarks, self._source.remarks, self.pipeline.remarks
        return [*told, *(remark for each in others for remark in each)]

    def _turn(self) -> None:
        """Between two pictures, by the loop's thread."""
        with self._lock:
            self._state = self._state_taker.take()
        if self._settings.recording is not None:
            self._note_recording()
        with self._turned:
            self._turns += 1
            self._turned.notify_all()
        while self._told:
            control, sentence = self._told.popleft()
            control.tell(sentence)
        for control in self._controls:
            for change in control.poll():
                self._do(control, change)

    def _note_recording(self) -> None:
        if self._saving.acquire(blocking=False):
            try:
                if self._recorder.has_failed():
                    self._set(recording=None)
            finally:
                self._saving.release()

    def _do(self, control: Controls, change: Change) -> None:
        """What a person asked for: what hides or ends at once, the rest where it may take long."""
        if isinstance(change, (changes.Quit, changes.Pause)):
            self._try(control, change)
            return
        try:
            self._worker.do(lambda: self._try(control, change))
        except NoThreadError as error:
            control.tell(str(error))

    def _try(self, control: Controls, change: Change) -> None:
        try:
            settings = self.apply(change)
        except LivematteError as error:
            self._told.append((control, str(error)))
        except Exception as error:
            # Whatever it is: a call goes on, and the next change finds a thread.
            self._told.append((control, f"Unexpected {type(error).__name__}: {error}."))
        else:
            self._on_change(change, settings)

    # --- what is shown

    def _scene(self) -> Scene:
        settings = self._settings
        notice = self._notice or (PAUSED if settings.paused else "")
        return Scene.of(settings, self._choice, notice)

    def _show(self, settings: LiveSettings, choice: Choice) -> None:
        """Under the lock."""
        self._choice = choice
        self._settings = replace(settings, backgrounds=choice.texts, background_index=choice.index)
        self.pipeline.stage.show(self._scene())

    def _change_scene(self, change: Change) -> None:
        has_changed = False
        while not has_changed:  # once more if what is named was there and has just been left
            named = named_by(change, self._choice, self._on_trouble)
            has_changed = self._has_changed_scene(change, named)
        self.pipeline.stage.drop_left()

    def _has_changed_scene(self, change: Change, named: Sequence[NamedBackground]) -> bool:
        with self._lock:
            settings = changed(self._settings, change)
            choice = chosen(self._choice, change, named)
            if choice is None:
                return False
            if choice is not self._choice:
                require_alpha(choice, self._all_sinks())
            self._show(settings, choice)
            return True

    def _all_sinks(self) -> list[Sink]:
        recording = self._recorder.sink
        return self._sinks if recording is None else [*self._sinks, recording]

    def _wait_until_shown(self) -> None:
        """Until the loop has gone round once with what is to be shown now; not for long."""
        if self._loop is None or self._loop is threading.current_thread():
            return
        with self._turned:
            # The turn that is under way may have begun with what was shown before.
            enough = self._turns + 2
            self._turned.wait_for(
                lambda: self._turns >= enough or self._loop is None, SHOWN_SECONDS
            )

    # --- what takes long, in one thread at a time

    def _require_another_thread(self) -> None:
        if self._loop is None:
            raise UsageError("Nothing is running.", "Start the run first.")
        if self._loop is threading.current_thread():
            raise UsageError("The loop cannot wait for this.", "Ask in another thread.")

    def _do_long(self, change: Change) -> None:
        if isinstance(change, changes.SetCamera):
            with self._exchanging:
                self._set_camera(change.camera)
        elif isinstance(change, changes.SetDevice):
            with self._exchanging:
                self._set_device(change.device, change.precision)
        else:
            with self._saving:
                self._save(change)

    def _save(self, change: Change) -> None:
        if isinstance(change, changes.Snapshot):
            self._recorder.save_snapshot(change.path)
        elif isinstance(change, changes.StartRecording):
            path = self._recorder.start(change.path, transparent=self._choice.has_transparent)
            self._set(recording=path)
        elif isinstance(change, changes.StopRecording):
            try:
                self._recorder.stop()
            finally:
                self._set(recording=None)

    def _set(self, **settings: object) -> None:
        with self._lock:
            self._settings = replace(self._settings, **settings)  # type: ignore[arg-type]

    def _set_camera(self, camera: str) -> None:
        source, make = self._source, self._make_camera
        if not isinstance(source, SwitchableSource) or make is None:
            raise UsageError("The input cannot be changed now.", "Start again with --camera.")
        if not camera.strip():
            raise UsageError("The camera has no name.", "See `livematte cameras`.")
        found = str(find_camera(camera))
        self._exchange("camera", camera, lambda: source.switch(lambda: make(found)), CAMERA_SECONDS)
        self._set(camera=camera)

    def _set_device(self, device: str, precision: str) -> None:
        opening = self._opening(device, precision)
        if not self._source.live:
            raise UsageError("The device of a file's run cannot be changed.", "Start again.")
        self._exchange(
            "device", device, lambda: self.pipeline.renderers.exchange(opening), DEVICE_SECONDS
        )
        self._set(device=device, precision=precision)

    def _exchange(
        self, what: str, name: str, ask: Callable[[], Request[Any]], seconds: float
    ) -> None:
        """Show the slate until what is asked for is used. Raises `UsageError` if it cannot be."""
        with self._slate(f"Changing the {what}"):
            request = ask()
            self._wait_for(request.ended, seconds, f"{what.capitalize()} {name}")
        if request.error is not None:
            raise _unusable(request.error, f"The former {what} is used again.")

    def _opening(self, device: str, precision: str) -> Opening:
        """Opens a renderer with what the settings say when it is opened.

        Raises `UsageError` if a text is none that can be.
        """
        options = replace(self._rendering, device=Device.parse(device), precision=precision)

        def opening(size: Size) -> OpenedRenderer:
            refinement = self.pipeline.stage.scene.refinement or options.refinement
            return self._open_renderer(replace(options, refinement=refinement), size)

        return opening

    def _open_usual(self, options: RenderOptions, size: Size) -> OpenedRenderer:
        return open_renderer(options, size, self._on_trouble)

    @contextmanager
    def _slate(self, notice: str) -> Iterator[None]:
        """Show the slate meanwhile."""
        self._show_notice(notice)
        self._wait_until_shown()
        try:
            yield
        finally:
            self._show_notice("")

    def _show_notice(self, notice: str) -> None:
        with self._lock:
            self._notice = notice
            self._show(self._settings, self._choice)

    def _wait_for(self, ended: threading.Event, seconds: float, what: str) -> None:
        deadline_seconds = time.monotonic() + seconds
        while not ended.wait(0.1):
            if self._loop is None:
                raise RunEndedError
            if time.monotonic() > deadline_seconds:
                raise UsageError(f"{what} does not respond.", "Try another one.")


_LONG: Final = (
    changes.SetCamera,
    changes.SetDevice,
    changes.Snapshot,
    changes.StartRecording,
    changes.StopRecording,
)
"""These wait for a device or a file."""


def require_alpha(choice: Choice, sinks: Sequence[Sink]) -> None:
    """Raises `UsageError` if a background is transparent that a sink could not show as such."""
    for sink in sinks:
        if choice.has_transparent and not sink.takes_alpha:
            raise UsageError(
                f"A transparent background cannot be sent to the {sink.description}.",
                "Give another --background, or --output with .mov, .webm or a folder of PNGs.",
            )


def _unusable(error: BaseException, now: str) -> UsageError:
    """now: what is used instead."""
    if isinstance(error, RunEndedError):
        return error
    if isinstance(error, LivematteError):
        return UsageError(f"{error.problem} {now}", error.remedy)
    return UsageError(f"It failed: {str(error) or repr(error)}. {now}", "Try another one.")
