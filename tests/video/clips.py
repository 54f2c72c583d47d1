"""Video files to matte in tests, and what is in the files that come out."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from livematte.frame import Image, Size
from livematte.media.video.colour import BT709_LIMITED, FULL, LIMITED, Colour

SIZE = Size(96, 64)
RATE = Fraction(30)
SOUND_RATE = 48_000
RGB = 0
"""The matrix of what is no Y'CbCr."""


def person(index: int, size: Size = SIZE) -> Image:
    """A bright block, which `FakeRenderer` takes for a person, that moves to the right."""
    image = np.full((size.height, size.width, 3), 60, np.uint8)
    image[size.height // 4 :, index % 40 + 8 : index % 40 + 32] = 220
    return image


def write_clip(
    path: Path,
    images: Sequence[Image],
    *,
    ticks: Sequence[int] | None = None,
    tick_seconds: Fraction = 1 / RATE,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    colour: Colour = BT709_LIMITED,
    pixel_aspect: Fraction | None = None,
    languages: Sequence[str] = (),
    sound_codec: str = "aac",
    sound_seconds: float | None = None,
    metadata: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write `images`, each at its own tick, with a track of noise for each of `languages`."""
    size = Size.of(images[0])
    ticks = ticks or range(len(images))
    with av.open(str(path), "w", options=container_options or {}) as container:
        container.metadata.update(metadata or {})
        video = cast(VideoStream, container.add_stream(codec, rate=RATE, options=options or {}))
        video.width, video.height, video.pix_fmt = *size, pixel_format
        context = video.codec_context
        context.time_base = video.time_base = tick_seconds
        context.colorspace, context.color_range = colour.matrix, colour.range
        context.color_primaries, context.color_trc = colour.primaries, colour.transfer
        if pixel_aspect is not None:
            context.sample_aspect_ratio = pixel_aspect
        tracks = []
        for language in languages:
            track = cast(AudioStream, container.add_stream(sound_codec, rate=SOUND_RATE))
            track.layout = "mono"
            track.metadata.update(language=language, title="at home")
            tracks.append(track)
        seconds = float((ticks[-1] + 1) * tick_seconds) if sound_seconds is None else sound_seconds
        for number, track in enumerate(tracks):
            _write_noise(container, track, number, round(seconds * SOUND_RATE))
        for tick, image in zip(ticks, images, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            if colour.matrix != RGB:
                frame = frame.reformat(
                    format=pixel_format,
                    dst_colorspace=colour.conversion(size.height),
                    dst_color_range=FULL if colour.range == FULL else LIMITED,
                )
            frame.pts, frame.time_base = tick, tick_seconds
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


def _write_noise(
    container: av.container.OutputContainer, track: AudioStream, seed: int, samples: int
) -> None:
    random = np.random.default_rng(seed)
    noise = random.uniform(-0.1, 0.1, (1, samples)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(noise, "fltp", "mono")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, 0, Fraction(1, SOUND_RATE)
    container.mux(track.encode(frame))
    container.mux(track.encode(None))


def mark_as_turned(path: Path, cosine: int, sine: int) -> None:
    """Set the matrix in an MP4 track's header by which a phone says how it was held.

    ISO/IEC 14496-12, section 8.3.2: nine numbers, 40 bytes behind the box's version.
    """
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    one, unit = 1 << 16, 1 << 30
    numbers = (cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, unit)
    struct.pack_into(">9i", data, matrix, *numbers)
    path.write_bytes(data)


class Track(NamedTuple):
    """What there is of one track of sound; times in seconds."""

    codec: str
    language: str | None
    times: list[float]
    packets: list[bytes]


class Clip(NamedTuple):
    """What there is in a video file; times in seconds, pictures in BGR."""

    times: list[float]
    images: list[Image]
    rotation: int
    colour: Colour
    pixel_aspect: Fraction | None
    end_seconds: float
    tracks: list[Track]
    metadata: dict[str, str]


def read_clip(path: Path) -> Clip:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        frames = list(container.decode(video))
        first = frames[0]
        colour = Colour(
            int(first.colorspace),
            int(first.color_range),
            int(first.color_primaries),
            int(first.color_trc),
        )
        images = [
            frame.to_ndarray(format="bgr24", src_colorspace=colour.conversion(frame.height)).astype(
                np.uint8, copy=False
            )
            for frame in frames
        ]
        aspect = video.sample_aspect_ratio or None
        seconds = (container.duration or 0) / 1e6
        if "mp4" in container.format.name:  # Matroska counts from 0, MP4 from what comes first.
            seconds += (container.start_time or 0) / 1e6
        metadata = dict(container.metadata)
        rotation = first.rotation
    return Clip(
        [frame.time for frame in frames],
        images,
        rotation,
        colour,
        aspect,
        seconds,
        _read_tracks(path),
        metadata,
    )


def _read_tracks(path: Path) -> list[Track]:
    with av.open(str(path)) as container:
        tracks = {
            stream.index: Track(stream.codec_context.name, stream.language, [], [])
            for stream in container.streams.audio
        }
        for packet in container.demux():
            if packet.stream_index not in tracks:
                continue
            if packet.pts is not None and packet.time_base is not None:
                tracks[packet.stream_index].times.append(float(packet.pts * packet.time_base))
                tracks[packet.stream_index].packets.append(bytes(packet))
    return list(tracks.values())
