"""Decoded sound of whatever kind, made into samples of one kind without gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from livematte.media.sound.channels import LAYOUTS, mixing_matrix, speakers

if TYPE_CHECKING:
    import av
    from av.audio.codeccontext import AudioCodecContext
    from av.audio.layout import AudioLayout
    from av.audio.stream import AudioStream

Samples = npt.NDArray[np.float32]
"""Of shape (channels, samples); from -1 to 1, but for a peak that may go beyond."""

SAMPLES_PER_SECOND: Final = 48_000
"""Of what comes out: Opus knows few other rates, and everything plays it."""

HIGHEST_RATE: Final = 6_000_000
"""Of what goes in; DSD, the fastest there is, has 5.6 MHz."""

LOUDEST: Final = 2.0
"""Lossy codecs overshoot a little; what is louder is damage."""

DRIFT_SECONDS: Final = Fraction(1, 50)
"""How far samples may be from their time: files round times, and clocks of two kinds drift."""

JUMP_SECONDS: Final = Fraction(1, 10)
"""What is further off is put right at once, and what is nearer if it stays so."""

DRIFTING_FRAMES: Final = 10
"""For how many frames it stays so: times that a program took while it recorded are unsteady."""

KNOWN_GAP_SECONDS: Final = Fraction(1, 1000)
"""How far off they may be where something is known to be missing."""

_DTYPES: Final[dict[str, tuple[Any, float, float]]] = {
    "u8": (np.uint8, 128.0, 1 / 128),
    "s16": (np.int16, 0.0, 1 / 2**15),
    "s32": (np.int32, 0.0, 1 / 2**31),
    "s64": (np.int64, 0.0, 1 / 2**63),
    "flt": (np.float32, 0.0, 1.0),
    "dbl": (np.float64, 0.0, 1.0),
}
"""How FFmpeg's formats of samples are stored, what silence is in them, and the unit."""


class Heard:
    """A frame of decoded sound: for each channel its speaker and its samples.

    begins: when it is heard, in seconds; None if that is not told.
    """

    def __init__(self, frame: av.AudioFrame) -> None:
        """Raises ValueError if there is nothing to make of it."""
        layout = frame.layout
        self.rate = frame.sample_rate
        if not 1 <= self.rate <= HIGHEST_RATE or frame.samples < 1 or layout.nb_channels < 1:
            raise ValueError("a frame without sound")
        self.speakers = speakers(layout)
        self.samples = _samples(frame, layout.nb_channels)
        self.begins: Fraction | None = None
        if frame.pts is not None and frame.time_base:
            self.begins = frame.pts * frame.time_base


def decode(
    decoder: AudioCodecContext, packet: av.Packet[AudioStream] | None
) -> tuple[list[Heard], bool]:
    """What a packet becomes, and whether all of it could be decoded; None for what is held back."""
    import av

    try:
        frames = decoder.decode(packet)
    except av.FFmpegError:
        return [], False
    for frame in frames:
        _keep_for_ever(frame.layout)
    heard: list[Heard] = []
    for frame in frames:
        with suppress(ValueError):
            if not frame.is_corrupt:
                heard.append(Heard(frame))
    return heard, len(heard) == len(frames)


def _keep_for_ever(layout: AudioLayout) -> None:
    """Have PyAV never free `layout`.

    It is a copy of the frame's that shares its memory: what lists speakers one by one would be
    freed by both, and the heap be corrupted.
    """
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))


def _samples(frame: av.AudioFrame, channels: int) -> Samples:
    from av.audio.plane import AudioPlane

    kind = frame.format.name
    # Not frame.planes, which reads behind the end of the list where there are 8 or more.
    if frame.format.is_planar:
        kind = kind.removesuffix("p")
        planes = [AudioPlane(frame, channel) for channel in range(channels)]
        count = frame.samples
    else:
        planes, count = [AudioPlane(frame, 0)], frame.samples * channels
    if kind not in _DTYPES:
        raise ValueError(f"samples of an unknown kind: {kind}")
    dtype, silence, unit = _DTYPES[kind]
    raw = np.stack([np.frombuffer(memoryview(plane), dtype, count) for plane in planes])
    if not frame.format.is_planar:
        raw = raw.reshape(frame.samples, channels).T
    samples = raw.astype(np.float32)
    if silence:
        samples -= silence
    if unit != 1:
        samples *= np.float32(unit)
    elif not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(samples, -LOUDEST, LOUDEST, out=samples)


class SteadySound:
    """Makes a steady stream of samples from frames in order.

    Where there are none there is silence, and of two for the same time the later one is left out.
    Channels are mixed before anything else is done to them, so that the resampler knows each
    layout.
    """

    def __init__(
        self, layout: str, rate: int = SAMPLES_PER_SECOND, begins: Fraction = Fraction(0)
    ) -> None:
        """layout: one of `LAYOUTS`.

        rate: samples a second.
        begins: when the first sample is heard, in seconds; to a sample.
        """
        self.layout = layout
        self.rate = rate
        self.limit_seconds: Fraction | None = None
        """Nothing is given that is heard later."""
        self._channels = len(LAYOUTS[layout])
        self._matrices: dict[tuple[str, ...], Samples] = {}
        self._resampler: av.AudioResampler | None = None
        self._source_rate = 0
        self._taken = 0  # by the resampler
        self._begins = begins  # what it has taken
        self._given = round(begins * rate)
        self._too_many = 0
        self._drifting = 0
        self._is_missing = False

    def note_gap(self) -> None:
        """Something before the next frame is missing."""
        self._is_missing = True

    def put(self, heard: Heard) -> Iterator[Samples]:
        """What is complete with one more frame, in blocks of a second at most."""
        expected = self._begins + Fraction(self._taken, self._source_rate or 1)
        begins = expected if heard.begins is None else heard.begins
        is_jump = self._is_jump(begins - expected)
        if is_jump or heard.rate != self._source_rate:
            yield from self._end()
            self._start(begins if is_jump else expected)
            yield from self._silence()
        self._source_rate = heard.rate
        mixed = self._mix(heard)
        for at in range(0, mixed.shape[1], heard.rate):
            yield from self._resample(mixed[:, at : at + heard.rate])

    def rest(self) -> Iterator[Samples]:
        """What was held back."""
        yield from self._end()

    def _is_jump(self, drift: Fraction) -> bool:
        if self._source_rate == 0:
            return True
        most = KNOWN_GAP_SECONDS if self._is_missing else DRIFT_SECONDS
        self._drifting = self._drifting + 1 if abs(drift) > most else 0
        return self._drifting > 0 and (
            self._is_missing or abs(drift) > JUMP_SECONDS or self._drifting >= DRIFTING_FRAMES
        )

    def _start(self, begins: Fraction) -> None:
        self._begins, self._taken = begins, 0
        self._drifting, self._is_missing = 0, False
        self._too_many = max(0, self._given - round(begins * self.rate))

    def _silence(self) -> Iterator[Samples]:
        missing = round(self._begins * self.rate) - self._given
        while missing > 0:
            count = min(missing, self.rate)
            block = self._give(np.zeros((self._channels, count), np.float32))
            if not block.size:
                return
            yield block
            missing -= count

    def _mix(self, heard: Heard) -> Samples:
        matrix = self._matrices.get(heard.speakers)
        if matrix is None:
            if len(self._matrices) > 100:
                self._matrices.clear()
            matrix = self._matrices[heard.speakers] = mixing_matrix(heard.speakers, self.layout)
        return matrix @ heard.samples

    def _resample(self, samples: Samples) -> Iterator[Samples]:
        import av

        if self._resampler is None:
            self._resampler = av.AudioResampler("fltp", self.layout, self.rate)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", self.layout)
        frame.sample_rate = self._source_rate
        frame.pts, frame.time_base = self._taken, Fraction(1, self._source_rate)
        self._taken += samples.shape[1]
        yield from self._blocks(self._resampler.resample(frame))

    def _end(self) -> Iterator[Samples]:
        if self._resampler is None:
            return
        left = [each for each in self._resampler.resample(None) if each is not None]
        self._resampler = None
        yield from self._blocks(left)

    def _blocks(self, frames: Sequence[av.AudioFrame]) -> Iterator[Samples]:
        for frame in frames:
            block = self._give(frame.to_ndarray().astype(np.float32, copy=False))
            if block.size:
                yield block

    def _give(self, block: Samples) -> Samples:
        if self._too_many:
            dropped = min(self._too_many, block.shape[1])
            self._too_many -= dropped
            block = block[:, dropped:]
        if self.limit_seconds is not None:
            left = round(self.limit_seconds * self.rate) - self._given
            block = block[:, : max(0, left)]
        self._given += block.shape[1]
        return block
