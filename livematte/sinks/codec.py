"""How a video is encoded, by the ending of its name."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from livematte.errors import UsageError
from livematte.media.video.colour import LIMITED, Colour

QUALITIES: Final = range(1, 101)
"""As a JPEG's."""


@dataclass(frozen=True)
class Codec:
    """One kind of video, and the muxer of FFmpeg's that it goes into."""

    name: str
    encoder: str
    pixel_format: str
    container: str = ""
    options: dict[str, str] = field(default_factory=dict)
    crf_of_quality: tuple[int, int, int] | None = None
    """The constant rate factor at quality 1, 75 and 100; None where there is none to choose."""
    full_range: bool = True
    """Whether it can say that its levels go from 0 to 255."""

    @property
    def subsampled(self) -> bool:
        """Whether colours go by blocks of 2x2 pixels."""
        return "420" in self.pixel_format

    def colour(self, wanted: Colour) -> Colour:
        """As much of `wanted` as it can hold."""
        return wanted if self.full_range else wanted._replace(range=LIMITED)


_H264: Final = Codec(
    "H.264",
    "libx264",
    "yuv420p",
    options={"preset": "veryfast", "crf": "18", "forced-idr": "1"},
    crf_of_quality=(45, 18, 8),
)
_VP9: Final = Codec(
    "VP9",
    "libvpx-vp9",
    "yuv420p",
    options={"crf": "24", "deadline": "realtime", "cpu-used": "7", "row-mt": "1"},
    crf_of_quality=(55, 24, 10),
)
_VP9_ALPHA: Final = replace(
    _VP9,
    name="VP9 with alpha",
    pixel_format="yuva420p",
    # The encoder refuses reference frames from the future when there is alpha.
    options={**_VP9.options, "auto-alt-ref": "0"},
)
_PRORES_ALPHA: Final = Codec(
    "ProRes 4444",
    "prores_ks",
    "yuva444p10le",
    options={"profile": "4444", "vendor": "apl0"},
    full_range=False,
)

_CODECS: Final = {".mp4": _H264, ".mkv": _H264, ".mov": _H264, ".webm": _VP9}
_ALPHA_CODECS: Final = {".mov": _PRORES_ALPHA, ".webm": _VP9_ALPHA}
_CONTAINERS: Final = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov", ".webm": "webm"}


def streamed_codec(transparent: bool, quality: int | None) -> Codec:
    """The codec for the standard output: Matroska, which needs no place to go back to.

    Raises `UsageError` as `choose_codec` does.
    """
    ending = ".webm" if transparent else ".mkv"
    codec = choose_codec(Path(f"stream{ending}"), transparent, quality)
    return replace(codec, container="matroska")


def choose_codec(path: Path, transparent: bool, quality: int | None) -> Codec:
    """The codec for `path`, with its container.

    quality: 1 to 100; None for the usual, which is 75.

    Raises `UsageError` if the ending is unknown or cannot hold the alpha that is asked for, or if
    there is no quality to choose.
    """
    ending = path.suffix.lower()
    codecs = _ALPHA_CODECS if transparent else _CODECS
    if ending not in codecs:
        known = ", ".join(codecs)
        if ending in _CODECS:
            problem = f"A {ending} video cannot be transparent."
        else:
            problem = f"{path} does not end like a video that can be written."
        raise UsageError(
            problem,
            f"Name a file that ends in {known}, or a folder for PNGs with a slash at its end: "
            f"{path.with_suffix('')}{os.sep}",
        )
    codec = replace(codecs[ending], container=_CONTAINERS[ending])
    if quality is None:
        return codec
    if quality not in QUALITIES:
        raise UsageError(
            f"Quality {quality} is not from {QUALITIES.start} to {QUALITIES.stop - 1}.",
            "Leave it out for the usual one, 75.",
        )
    if codec.crf_of_quality is None:
        raise UsageError(f"{codec.name} has no quality to choose.", "Leave out the quality.")
    crf = round(float(np.interp(quality, (1, 75, 100), codec.crf_of_quality)))
    return replace(codec, options={**codec.options, "crf": str(crf)})
