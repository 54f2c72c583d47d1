"""Small clips of a card of known colours and shape, in every way that a video can hold it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple, cast

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from livematte.frame import Image, Size
from livematte.media.video.colour import HLG, PQ, UNSPECIFIED

STORED: Final = Size(96, 64)
"""Of every clip, whatever the size that it is shown in."""

RADIUS: Final = 16
"""Of the circle in the middle, in pixels as shown."""

Floats = NDArray[np.float64]

COLOURED: Final = ((200, 60, 50), (40, 140, 70), (50, 80, 190), (230, 200, 60), (240, 240, 240))
GREY: Final = ((60, 60, 60), (110, 110, 110), (170, 170, 170), (210, 210, 210), (240, 240, 240))
"""R'G'B' of the quarters, top left, top right, bottom left, bottom right, and of the circle."""

MATRICES: Final = (
    (1, 0, 0, 1),
    (0, 1, -1, 0),
    (-1, 0, 0, -1),
    (0, -1, 1, 0),
    (-1, 0, 0, 1),
    (1, 0, 0, -1),
    (0, 1, 1, 0),
    (0, -1, -1, 0),
)
"""The four numbers of a display matrix that turn or mirror, for each of the eight orientations."""

LOSSLESS: Final = {
    "libx264": {"qp": "0", "x264-params": "log-level=none"},
}


class Kind(NamedTuple):
    """A pixel format, and what holds it."""

    pixel_format: str
    codec: str
    container: str


KINDS: Final = (
    Kind("yuv420p", "libx264", "mov"),
    Kind("yuv422p", "libx264", "mov"),
    Kind("yuv444p", "libx264", "mov"),
    Kind("yuvj420p", "libx264", "mov"),
    Kind("yuv420p10le", "libx264", "mov"),
    Kind("yuv422p10le", "libx264", "mov"),
    Kind("yuv444p10le", "libx264", "mov"),
    Kind("yuv420p12le", "ffv1", "mkv"),
    Kind("gray", "ffv1", "mkv"),
    Kind("gray10le", "ffv1", "mkv"),
    Kind("gbrp10le", "ffv1", "mkv"),
    Kind("rgb24", "png", "mov"),
    Kind("rgba", "png", "mov"),
    Kind("pal8", "png", "mov"),
    Kind("gray16be", "png", "mov"),
    Kind("argb", "qtrle", "mov"),
    Kind("yuyv422", "rawvideo", "mov"),
    Kind("uyvy422", "rawvideo", "mov"),
    Kind("yuva444p10le", "prores_ks", "mov"),
    Kind("nv12", "rawvideo", "mkv"),
    Kind("bgr0", "ffv1", "mkv"),
    Kind("yuva420p", "ffv1", "mkv"),
)


class Card(NamedTuple):
    """What is shown: the quarters and the circle, and from where to where."""

    colours: Sequence[tuple[int, int, int]]
    size: Size

    def at(self, x: Floats, y: Floats) -> NDArray[np.int64]:
        """Which of the colours is at places given in pixels as shown."""
        part = (x >= self.size.width / 2) + 2 * (y >= self.size.height / 2)
        from_middle = np.hypot(x - self.size.width / 2, y - self.size.height / 2)
        return np.where(from_middle < RADIUS, 4, part).astype(np.int64)

    def assert_shown(self, image: Image, most_levels: float) -> float:
        """`image` (H, W, 3), BGR: by how many levels its colours are off at most."""
        assert Size.of(image) == self.size
        rgb = image[..., ::-1].astype(float)
        width, height = self.size
        worst = 0.0
        for index, colour in enumerate(self.colours):
            across = (0.12, 0.88)[index % 2] if index < 4 else 0.5
            down = (0.15, 0.85)[index // 2] if index < 4 else 0.5
            x, y = round(width * across), round(height * down)
            patch = rgb[y - 3 : y + 3, x - 3 : x + 3]
            off = np.abs(patch - colour).max()
            assert off <= most_levels, (index, colour, patch.mean((0, 1)))
            worst = max(worst, float(off))
        circle = np.array(self.colours[4])
        others = np.array(self.colours[:4])
        nearest = np.abs(rgb - circle).sum(2)
        inside = nearest < np.abs(rgb[:, :, None] - others).sum(3).min(2)
        # Where two quarters meet, a line of pixels may be brighter than both.
        columns, rows = np.flatnonzero(inside.sum(0) > 4), np.flatnonzero(inside.sum(1) > 4)
        wide, high = np.ptp(columns) + 1, np.ptp(rows) + 1
        assert abs(wide - high) <= 3, f"the circle is {wide} x {high}"
        assert abs(wide - 2 * RADIUS) <= 3, f"the circle is {wide} wide"
        return worst


def shown_size(orientation: int, aspect: Fraction) -> Size:
    """With square pixels: none is lost, and each side is even."""
    width, height = Fraction(STORED.width), Fraction(STORED.height)
    if aspect > 1:
        width *= aspect
    else:
        height /= aspect
    size = Size(2 * round(width / 2), 2 * round(height / 2))
    return Size(size.height, size.width) if not MATRICES[orientation][0] else size


def card_of(kind: Kind, orientation: int = 0, aspect: Fraction = Fraction(1)) -> Card:
    grey = kind.pixel_format.startswith("gray")
    return Card(GREY if grey else COLOURED, shown_size(orientation, aspect))


def write_card(
    path: Path,
    kind: Kind,
    *,
    orientation: int = 0,
    aspect: Fraction = Fraction(1),
    transfer: int = UNSPECIFIED,
    frames: int = 2,
) -> Card:
    """Write a clip of a card, to be shown as such; SDR is not tagged, and 64 rows mean BT.601."""
    card = card_of(kind, orientation, aspect)
    frame = _frame(kind, _stored(card, orientation), transfer)
    with av.open(str(path), "w", format={"mov": "mov", "mkv": "matroska"}[kind.container]) as file:
        options = LOSSLESS.get(kind.codec, {})
        stream = cast(VideoStream, file.add_stream(kind.codec, rate=10, options=options))
        stream.width, stream.height = STORED
        stream.pix_fmt = kind.pixel_format
        context = stream.codec_context
        context.sample_aspect_ratio = aspect
        if transfer != UNSPECIFIED:
            context.color_trc = transfer
            context.color_primaries = context.colorspace = 9
            frame.color_trc, frame.color_primaries, frame.colorspace = transfer, 9, 9
        if kind.pixel_format.startswith("yuvj"):
            context.color_range = 2
        elif kind.pixel_format in ("gray", "gray10le"):
            context.color_range = 1  # as in HEVC and AV1; else they go from 0 to 255
        a, b, c, d = (each << 16 for each in MATRICES[orientation])
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        for index in range(frames):
            frame.pts, frame.time_base = index, Fraction(1, 10)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    if kind.container == "mkv" and aspect != 1:
        _shape_pixels(path, Size(round(STORED.width * aspect), STORED.height))
    return card


def _shape_pixels(path: Path, shown: Size) -> None:
    """Tell Matroska in which shape the picture is shown, which PyAV does not.

    DisplayWidth and DisplayHeight take the place of DisplayUnit, and four bytes of a Void behind
    it: RFC 9559.
    """
    data = path.read_bytes()
    pixels = bytes((0xB0, 0x81, STORED.width, 0xBA, 0x81, STORED.height))
    unit, void = b"\x54\xb2\x81\x04", b"\xec\x01\0\0\0\0\0\0\x02\0\0"
    at = data.index(pixels + unit)
    length = data[at - 1]
    assert data[at - 2] == 0xE0
    assert 0x80 < length < 0xF8
    begin, rest = data[: at - 1], data[at + len(pixels + unit) :]
    told = bytes((0x54, 0xB0, 0x81, shown.width, 0x54, 0xBA, 0x81, shown.height))
    rest = rest.replace(void, b"\xec\x85\0\0\0\0\0", 1)
    path.write_bytes(begin + bytes((length + 4,)) + pixels + told + rest)


def _stored(card: Card, orientation: int) -> NDArray[np.int64]:
    """Which colour each stored pixel has."""
    a, b, c, d = MATRICES[orientation]
    q, p = np.mgrid[: STORED.height, : STORED.width] + 0.5
    # From the middle, in parts of a side, so that neither shape nor size matters.
    p, q = p / STORED.width - 0.5, q / STORED.height - 0.5
    x, y = a * p + c * q, b * p + d * q
    return card.at((x + 0.5) * card.size.width, (y + 0.5) * card.size.height)


def encoded(rgb: Floats, transfer: int) -> Floats:
    """SDR R'G'B' from 0 to 1 for a BT.1886 display as HDR with white at 203 cd/m2.

    Recommendation ITU-R BT.2100, tables 4 and 5; BT.2087 for the primaries.
    """
    if transfer == UNSPECIFIED:
        return rgb
    to_2020 = np.array(
        [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    )
    nits = 203 * (rgb**2.4) @ to_2020.T
    if transfer == PQ:
        power = (nits / 10_000) ** 0.1593017578125
        share = (0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)
        return np.asarray(share**78.84375, np.float64)
    assert transfer == HLG
    shown = nits / 1000
    luminance = np.maximum(shown @ [0.2627, 0.6780, 0.0593], 1e-9)
    scene = shown * (luminance ** (1 / 1.2 - 1))[..., None]
    high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.asarray(np.where(scene <= 1 / 12, np.sqrt(3 * scene), high), np.float64)


def _frame(kind: Kind, part: NDArray[np.int64], transfer: int) -> av.VideoFrame:
    colours = COLOURED if not kind.pixel_format.startswith("gray") else GREY
    levels = encoded(np.array(colours) / 255, transfer)
    name = kind.pixel_format
    if name == "pal8":
        palette = np.full((256, 4), 255, np.uint8)
        palette[:5, 1:] = np.rint(255 * levels)
        return av.VideoFrame.from_ndarray((part.astype(np.uint8), palette), "pal8")  # type: ignore[arg-type]
    format_ = av.VideoFormat(name)
    if format_.is_rgb or name == "gray16be":
        deep = [np.rint(65535 * levels[part, channel]) for channel in (1, 2, 0)]
        if name == "gray16be":
            return _filled("gray16le", deep[:1]).reformat(format=name)
        return _filled("gbrp16le", deep).reformat(format=name)
    red, blue = (0.299, 0.114) if transfer == UNSPECIFIED else (0.2627, 0.0593)
    luma = levels @ [red, 1 - red - blue, blue]
    chroma = [
        (levels[:, 2] - luma) / (2 - 2 * blue),
        (levels[:, 0] - luma) / (2 - 2 * red),
    ]
    packed = {"nv12": "yuv420p", "yuyv422": "yuv422p", "uyvy422": "yuv422p"}
    planar = packed.get(name, name)
    scale = 2 ** (format_.components[0].bits - 8)
    if name.startswith("yuvj"):
        planes = [255 * luma, *(255 * each + 128 for each in chroma)]
    else:
        planes = [scale * (16 + 219 * luma), *(scale * (128 + 224 * each) for each in chroma)]
    if "yuva" in name:
        planes.append(np.full(len(luma), 256 * scale - 1))
    count = len(av.VideoFormat(planar).components)
    frame = _filled(planar, [each[part] for each in planes[:count]])
    return frame if planar == name else frame.reformat(format=name)


def _filled(name: str, planes: Sequence[Floats]) -> av.VideoFrame:
    """A frame of a planar format, whose colours may be fewer than its pixels."""
    frame = av.VideoFrame(*STORED, name)
    for plane, values in zip(frame.planes, planes, strict=True):
        wide = frame.format.components[0].bits > 8
        rows = np.frombuffer(memoryview(plane), np.uint16 if wide else np.uint8)
        rows = rows.reshape(plane.height, -1)
        blocks = values.reshape(plane.height, STORED.height // plane.height, plane.width, -1)
        rows[:, : plane.width] = np.rint(blocks.mean((1, 3)))
    return frame
