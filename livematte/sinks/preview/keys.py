"""The keys of the preview: which is meant, and what change it asks for; all pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from livematte.background import BLUR_SIGMAS, DEFAULT_BLUR, Blur
from livematte.backgrounds.parse import parse
from livematte.errors import UsageError
from livematte.options.changes import (
    Change,
    Freeze,
    NextBackground,
    Pause,
    PreviousBackground,
    Quit,
    SetBackground,
    SetBlur,
    SetRefinement,
    StartRecording,
    StopRecording,
)
from livematte.options.refinement import MARGINS
from livematte.options.settings import LiveSettings

ESCAPE: Final = "\x1b"

BLUR_STEP: Final = 5.0
"""In pixels of a frame 720 rows high; a key goes to the next multiple of it."""


VIEW_KEYS: Final = "fmvsih"
"""Those that only change what the window itself shows."""

REPEATING: Final = "+-[]"
"""Those that may be held."""


AT_ONCE: Final = ("q", ESCAPE, "p")
"""Those that hide the person or end the run."""


def meant(characters: Sequence[str]) -> str:
    """The key of the preview's that one with these `characters` on it is; "" for none of them.

    characters: what was typed comes first, then what the same key has with and without Shift, and
        on a person's other layouts.
    """
    stand_ins = (_STAND_INS.get(each, each.lower()) for each in characters)
    known = (each for each in (*characters, *stand_ins) if each in _KNOWN)
    return next(known, "")


def change_for(key: str, settings: LiveSettings) -> Change | None:
    """What `key`, one character, asks for now; None if it means nothing here.

    Raises `UsageError` if it means something that cannot be done now.
    """
    if "1" <= key <= "9":
        return _numbered_background(int(key), settings)
    meaning = _MEANINGS.get(key)
    return None if meaning is None else meaning(settings)


def _numbered_background(number: int, settings: LiveSettings) -> Change:
    count = len(settings.backgrounds)
    if number > count:
        raise UsageError(
            f"There is no background {number}.", f"There {'is' if count == 1 else 'are'} {count}."
        )
    return SetBackground(number - 1)


def _stronger_blur(settings: LiveSettings) -> Change:
    """The usual blur first, where the room is not blurred yet."""
    sigma = blur_sigma(settings)
    if sigma is None:
        return SetBlur(DEFAULT_BLUR)
    return SetBlur(min(BLUR_SIGMAS[1], (sigma // BLUR_STEP + 1) * BLUR_STEP))


def _weaker_blur(settings: LiveSettings) -> Change:
    sigma = blur_sigma(settings)
    if sigma is None:
        raise UsageError("The background is not blurred.", "Press + to blur the room.")
    return SetBlur(max(BLUR_SIGMAS[0], (-(-sigma // BLUR_STEP) - 1) * BLUR_STEP))


def blur_sigma(settings: LiveSettings) -> float | None:
    """How much the room is blurred, in pixels of a frame 720 rows high; None if it is not."""
    if settings.background.partition(":")[0] != "blur":  # no picture is to be read for this
        return None
    background = parse(settings.background)
    return background.sigma_pixels if isinstance(background, Blur) else None


def _moved_edge(settings: LiveSettings, pixels: int) -> Change:
    edge = settings.edge + pixels
    return SetRefinement(edge=min(max(edge, MARGINS.start), MARGINS.stop - 1))


def _record_or_stop(settings: LiveSettings) -> Change:
    return StartRecording() if settings.recording is None else StopRecording()


_MEANINGS: Final[Mapping[str, Callable[[LiveSettings], Change]]] = {
    "b": lambda _settings: NextBackground(),
    "B": lambda _settings: PreviousBackground(),
    "+": _stronger_blur,
    "-": _weaker_blur,
    "[": lambda settings: _moved_edge(settings, -1),
    "]": lambda settings: _moved_edge(settings, 1),
    "p": lambda settings: Pause(not settings.paused),
    "z": lambda settings: Freeze(not settings.frozen),
    "r": _record_or_stop,
    "q": lambda _settings: Quit(),
    ESCAPE: lambda _settings: Quit(),
}

_KNOWN: Final = frozenset(_MEANINGS) | frozenset(VIEW_KEYS) | frozenset("123456789")

_STAND_INS: Final = {
    # The same keys of an American keyboard with and without Shift.
    "=": "+",
    "_": "-",
    "{": "[",
    "}": "]",
    # Brackets are hard to type on most others.
    "<": "[",
    ",": "[",
    ">": "]",
    ".": "]",
    "?": "h",
    "F1": "h",
    "F11": "f",
}
