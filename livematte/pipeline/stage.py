"""Holds the current scene, and plays its moving backgrounds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from livematte.background import Background, Picture
from livematte.pipeline.scene import Scene


class Stage:
    """Holds the scene, plays its backgrounds, and stops unused ones; from any thread.

    scene: read for each frame.
    """

    def __init__(self, scene: Scene, *, live: bool, on_trouble: Callable[[str], None]) -> None:
        """live, on_trouble: see `Picture.play`."""
        self.scene = scene
        self._live = live
        self._on_trouble = on_trouble
        self._playing: list[Picture] = []
        self._lock = threading.Lock()

    def show(self, scene: Scene) -> None:
        """Show `scene` from the next frame on."""
        with self._lock:
            for each in scene.backgrounds:
                if isinstance(each, Picture) and not _holds(self._playing, each):
                    each.play(live=self._live, on_trouble=self._on_trouble)
                    self._playing.append(each)
            self.scene = scene

    def drop_left(self) -> None:
        """Stop and release backgrounds that are no longer in the scene.

        Waits briefly for one that is reading its file.
        """
        self._stop_all_but(lambda: self.scene.backgrounds)

    def end(self) -> None:
        """Stop all backgrounds."""
        self._stop_all_but(lambda: ())

    def _stop_all_but(self, wanted: Callable[[], Sequence[Background]]) -> None:
        with self._lock:
            backgrounds = wanted()
            left = [each for each in self._playing if not _holds(backgrounds, each)]
            self._playing = [each for each in self._playing if _holds(backgrounds, each)]
        for each in left:
            each.stop()


def _holds(backgrounds: Sequence[Background], background: Background) -> bool:
    return any(each is background for each in backgrounds)
