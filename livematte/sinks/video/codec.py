"""Chooses how to encode a video, by its file extension."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from livematte.errors import UsageError
from livematte.media.video.colour import LIMITED, Colour

QUALITIES: Final = range(1, 101)
"""Like JPEG quality."""


@dataclass(frozen=True)
class Codec:
    """One kind of video, and the FFmpeg muxer for it."""

    name: str
    encoder: str
    pixel_format: str
    container: str = ""
    options: dict[str, str] = field(default_factory=dict)
    crf_of_quality: tuple[int, int, int] | None = None
    """The constant rate factor at quality 1, 75 and 100; None if the codec has no such setting."""
    full_range: bool = True
    """Whether it can signal full range, levels from 0 to 255."""

    @property
    def subsampled(self) -> bool:
        """Whether colours are stored per block of 2x2 pixels (4:2:0)."""
        return "420" in self.pixel_format

    def colour(self, wanted: Colour) -> Colour:
        """`wanted`, in limited range if the codec cannot signal full range."""
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
    """The codec for standard output: Matroska, which can be written without seeking.

    Raises `UsageError` as `choose_codec` does.
    """
    ending = ".webm" if transparent else ".mkv"
    codec = choose_codec(Path(f"stream{ending}"), transparent, quality)
    return replace(codec, container="matroska")


def choose_codec(path: Path, transparent: bool, quality: int | None) -> Codec:
    """The codec for `path`, with its container.

    quality: 1 to 100; None for the default, 75.

    Raises `UsageError` if the extension is unsupported or cannot hold the requested alpha, or if
    the codec has no quality setting.
    """
    ending = path.suffix.lower()
    codecs = _ALPHA_CODECS if transparent else _CODECS
    if ending not in codecs:
        known = ", ".join(codecs)
        if ending in _CODECS:
            problem = f"{ending} videos cannot be transparent."
        else:
            problem = f"{path} has an unsupported file extension."
        raise UsageError(
            problem,
            f"Use one of {known}, or add a slash to write PNGs into a folder: "
            f"{path.with_suffix('')}{os.sep}",
        )
    codec = replace(codecs[ending], container=_CONTAINERS[ending])
    if quality is None:
        return codec
    if quality not in QUALITIES:
        raise UsageError(
            f"Quality {quality} is out of range.",
            f"Use {QUALITIES.start} to {QUALITIES.stop - 1}, or leave it out for 75.",
        )
    if codec.crf_of_quality is None:
        raise UsageError(f"{codec.name} has no quality setting.", "Leave out --quality.")
    crf = round(float(np.interp(quality, (1, 75, 100), codec.crf_of_quality)))
    return replace(codec, options={**codec.options, "crf": str(crf)})
