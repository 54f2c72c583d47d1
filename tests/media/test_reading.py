"""What a video file may do, read the same as input and as background."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream

from livematte.backgrounds.looped_video import LoopedVideo
from livematte.backgrounds.video import VideoBackground
from livematte.errors import BackgroundError, SourceError
from livematte.frame import Image, Size
from livematte.media.video.container import open_container
from livematte.sources import VideoFile
from tests.test_endurance import resident_bytes

SIZE: Final = Size(128, 96)


def as_input(path: Path, **part: float) -> tuple[list[float], list[Image]]:
    """The times and the pictures of it."""
    with VideoFile(path, realtime=False, **part) as video:
        frames = list(video.frames())
        assert {frame.size for frame in frames} == {video.size}
    return [frame.media_seconds for frame in frames], [frame.image for frame in frames]


def as_background(path: Path) -> tuple[list[float], list[Image]]:
    """The same of its first loop."""
    video, times, images = LoopedVideo(path), [0.0], []
    count = len(as_input(path)[0])
    for _ in range(count):
        shot = video.next()
        times.append(shot.until_seconds)
        images.append(shot.pixels())
    return times[:-1], images


WAYS: Final[tuple[Callable[[Path], tuple[list[float], list[Image]]], ...]] = (
    as_input,
    as_background,
)
both_ways = pytest.mark.parametrize("read", WAYS)


def write(
    path: Path,
    images: Sequence[Image],
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
) -> Path:
    size = Size.of(images[0])
    with av.open(str(path), "w") as file:
        stream = cast(VideoStream, file.add_stream(codec, rate=10, options=options or {}))
        stream.width, stream.height, stream.pix_fmt = *size, pixel_format
        for index, image in enumerate(images):
            channels = "bgra" if image.shape[2] == 4 else "bgr24"
            frame = av.VideoFrame.from_ndarray(image, channels)
            frame.pts, frame.time_base = index, Fraction(1, 10)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def plain(level: int, size: Size = SIZE) -> Image:
    return np.full((size.height, size.width, 3), level, np.uint8)


# --- lines of two times


def moved(step: float, *, detailed: bool = False) -> Image:
    """A bright block that is further to the right the later it is."""
    image = plain(40)
    left = 8 + round(step)
    image[:, left : left + 40] = 210
    if detailed:
        for row in (0, 1):
            image[row::4, left : left + 40] = 90
    return image


def woven(index: int, *, top_first: bool = True) -> Image:
    """Every other line half a frame later than the one above."""
    first, second = moved(6 * index), moved(6 * index + 3)
    image = first.copy()
    image[1::2] = second[1::2]
    return image if top_first else moved(6 * index)


def combing(image: Image) -> float:
    """By how many levels lines stand out from those beside them, on average."""
    rows = image[..., 1].astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())


@both_ways
@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"x264-params": "tff=1:log-level=none", "crf": "8"}),
        ("mpeg2video", {"flags": "+ildct+ilme", "q": "2", "b": "20M"}),
    ],
)
def test_interlaced_pictures_become_whole(
    tmp_path: Path, read: Callable[[Path], Any], codec: str, options: dict[str, str]
) -> None:
    images = [woven(index) for index in range(8)]
    assert min(combing(image) for image in images) > 5
    path = write(tmp_path / "tape.mkv", images, codec=codec, options=options)
    times, shown = read(path)
    assert times == pytest.approx([index / 10 for index in range(8)], abs=2e-3)
    assert max(combing(image) for image in shown[1:-1]) < 1.5
    for index, image in enumerate(shown):
        block = np.flatnonzero(image[48, :, 1] > 125)
        assert abs(block[0] - (8 + 6 * index)) <= 4, "each picture is of its own time"


@both_ways
def test_what_is_not_marked_as_interlaced_is_left_alone(
    tmp_path: Path, read: Callable[[Path], Any]
) -> None:
    images = [woven(index) for index in range(4)]
    path = write(tmp_path / "lines.mov", images, codec="png", pixel_format="rgb24")
    for image, given in zip(read(path)[1], images, strict=True):
        np.testing.assert_array_equal(image, given)


@both_ways
def test_a_film_that_is_marked_as_interlaced_keeps_its_lines(
    tmp_path: Path, read: Callable[[Path], Any]
) -> None:
    images = [moved(6 * index, detailed=True) for index in range(12)]
    path = write(
        tmp_path / "film.mkv",
        images,
        pixel_format="yuv444p",
        options={"qp": "0", "x264-params": "tff=1:log-level=none"},
    )
    for image, given in list(zip(read(path)[1], images, strict=True))[6:]:
        assert np.abs(image.astype(int) - given).max() < 8


# --- size


def test_a_size_that_changes_is_fitted_to_the_first(tmp_path: Path) -> None:
    pieces = b""
    for number, size in enumerate((SIZE, Size(64, 64), Size(256, 96))):
        image = plain(30 + 60 * number, size)
        path = write(tmp_path / f"{number}.ts", [image] * 3, codec="mpeg2video")
        pieces += path.read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(pieces)
    times, images = as_input(path)
    assert [round(float(image.mean()) / 30) for image in images] == [1, 1, 1, 3, 3, 3, 5, 5, 5]
    assert times == pytest.approx([index / 10 for index in range(9)], abs=2e-3)
    background = VideoBackground(path)
    greys = {
        round(float(background.picture_at(Size(48, 48), index / 10).mean()) / 30)
        for index in range(9)
    }
    assert greys == {1, 3, 5}


# --- time


def with_times(path: Path, times: Sequence[float], codec: str) -> Path:
    """A clip whose packets have these times."""
    with av.open(str(path), "w") as file:
        stream = cast(VideoStream, file.add_stream(codec, rate=10, options={"bf": "0"}))
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        packets: list[Any] = []
        for index in range(len(times)):
            frame = av.VideoFrame.from_ndarray(plain(20 + 10 * index), "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 10)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet, seconds in zip(packets, times, strict=True):
            packet.pts = packet.dts = round(seconds * 90_000)
            packet.time_base = Fraction(1, 90_000)
            file.mux(packet)
    return path


def joined(path: Path, codec: str, *pieces: Sequence[float]) -> Path:
    data = b"".join(
        with_times(path.with_suffix(f".{number}.ts"), times, codec).read_bytes()
        for number, times in enumerate(pieces)
    )
    path.write_bytes(data)
    return path


def tenths(count: int, first: float = 0.0) -> list[float]:
    return [first + index / 10 for index in range(count)]


@both_ways
@pytest.mark.parametrize(
    "pieces",
    [
        [tenths(5, 3), tenths(5, 3)],
        [tenths(5, 3), tenths(2, 3), tenths(4)],
        [tenths(6, 1000), tenths(5)],
        [tenths(4), tenths(7, 3600)],
        [tenths(3, 95_000), tenths(3, 50), tenths(3, 200)],
    ],
    ids=["again", "thrice", "back", "an hour on", "to and fro"],
)
@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_times_that_begin_anew_go_on(
    tmp_path: Path, read: Callable[[Path], Any], pieces: list[list[float]], codec: str
) -> None:
    path = joined(tmp_path / "joined.ts", codec, *pieces)
    times = read(path)[0]
    assert len(times) == sum(map(len, pieces))
    steps = np.diff(times)
    assert steps.min() > 0.05
    assert steps.max() < 0.3
    assert times[-1] == pytest.approx((len(times) - 1) / 10, abs=0.15)


def test_a_part_of_what_was_joined_counts_from_the_beginning(tmp_path: Path) -> None:
    path = joined(tmp_path / "joined.ts", "libx264", tenths(8, 3), tenths(8, 3))
    whole = as_input(path)[1]
    part = as_input(path, start_seconds=1.0, end_seconds=1.45)[1]
    assert [int(image.mean()) for image in part] == [int(image.mean()) for image in whole[10:15]]


@pytest.mark.parametrize("ending", ["mkv", "mp4", "mov"])
def test_a_part_of_a_long_stream_begins_at_once(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    with av.open(str(path), "w", options={"output_ts_offset": "3600"}) as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for index in range(4):
            frame = av.VideoFrame.from_ndarray(plain(60), "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 10)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with VideoFile(path, realtime=False) as video:
        assert float(video.first_seconds - video.zero_seconds) < 1
        assert len(list(video.frames())) == 4
    assert len(as_input(path, start_seconds=0.15)[1]) == 2


# --- what is the video


def write_with_cover(path: Path, *, song: bool, cover_first: bool = False) -> Path:
    """12 pictures, or a song, and another picture on the cover."""
    attached = path.suffix == ".mkv"
    with av.open(str(path), "w", format="mp4" if path.suffix == ".m4a" else None) as file:
        streams: dict[str, Any] = {}
        names = ["sound" if song else "video", *([] if attached else ["cover"])]
        for name in reversed(names) if cover_first else names:
            if name == "sound":
                streams[name] = file.add_stream("mp3" if path.suffix == ".mp3" else "aac", 44_100)
                continue
            codec = "mjpeg" if name == "cover" else "libx264"
            streams[name] = stream = cast(VideoStream, file.add_stream(codec, rate=10))
            stream.width, stream.height = SIZE
            stream.pix_fmt = "yuvj420p" if name == "cover" else "yuv420p"
            if name == "cover":
                stream.disposition = av.stream.Disposition.attached_pic
        if attached:
            done, picture = cv2.imencode(".jpg", plain(250))
            assert done
            file.add_attachment("cover.jpg", "image/jpeg", picture.tobytes())
        else:
            cover = av.VideoFrame.from_ndarray(plain(250), "bgr24")
            file.mux(streams["cover"].encode(cover.reformat(format="yuvj420p")))
        if song:
            silence = np.zeros((1, 44_100), np.float32)
            sound = av.AudioFrame.from_ndarray(silence, "fltp", "mono")
            sound.sample_rate = 44_100
            file.mux(streams["sound"].encode(sound))
            file.mux(streams["sound"].encode(None))
        else:
            for index in range(12):
                frame = av.VideoFrame.from_ndarray(plain(20), "bgr24")
                frame.pts, frame.time_base = index, Fraction(1, 10)
                file.mux(streams["video"].encode(frame))
            file.mux(streams["video"].encode(None))
    return path


@both_ways
@pytest.mark.parametrize(("ending", "cover_first"), [("mp4", False), ("mp4", True), ("mkv", False)])
def test_a_cover_is_not_the_video(
    tmp_path: Path, read: Callable[[Path], Any], cover_first: bool, ending: str
) -> None:
    path = write_with_cover(tmp_path / f"a.{ending}", song=False, cover_first=cover_first)
    with av.open(str(path)) as file:
        assert len(file.streams.video) == 2
    times, images = read(path)
    assert len(times) == 12, "and the last ones are not lost where it is not the first stream"
    assert max(image.mean() for image in images) < 40


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


@both_ways
def test_a_cover_that_is_told_before_the_tracks_is_not_the_video(
    tmp_path: Path, read: Callable[[Path], Any]
) -> None:
    """As programs do that tag music: FFmpeg then counts the cover as the first stream."""
    path = write(tmp_path / "a.mp4", [plain(20)] * 12)
    done, picture = cv2.imencode(".jpg", plain(250))
    assert done
    tag = box(b"covr", box(b"data", bytes((0, 0, 0, 13, 0, 0, 0, 0)) + picture.tobytes()))
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    tags = box(b"udta", box(b"meta", bytes(4) + handler + box(b"ilst", tag)))
    data = path.read_bytes()
    at = data.index(b"moov") - 4
    moov = data[at + 8 :]
    assert len(moov) + 8 == int.from_bytes(data[at : at + 4], "big"), "it is the last one"
    first = int.from_bytes(moov[:4], "big")
    path.write_bytes(data[:at] + box(b"moov", moov[:first] + tags + moov[first:]))
    with av.open(str(path)) as file:
        assert file.streams.video[0].codec_context.name == "mjpeg"
    times, images = read(path)
    assert len(times) == 12
    assert max(image.mean() for image in images) < 40


@pytest.mark.parametrize("ending", ["mp3", "m4a", "mkv"])
def test_a_song_with_a_cover_is_not_a_video(tmp_path: Path, ending: str) -> None:
    path = write_with_cover(tmp_path / f"song.{ending}", song=True)
    said = r"song\.\w+ has no video in it, only a cover"
    with pytest.raises(SourceError, match=said), VideoFile(path):
        pass
    with pytest.raises(BackgroundError, match=said):
        VideoBackground(path)


# --- colours and alpha


@both_ways
@pytest.mark.parametrize(
    ("codec", "pixel_format", "ending", "options"),
    [
        ("png", "rgba", "mov", {}),
        ("qtrle", "argb", "mov", {}),
        ("prores_ks", "yuva444p10le", "mov", {"profile": "4444", "alpha_bits": "16"}),
        ("libvpx-vp9", "yuva420p", "webm", {"auto-alt-ref": "0", "crf": "10", "b": "0"}),
        ("libvpx", "yuva420p", "webm", {"auto-alt-ref": "0", "crf": "4", "b": "9M"}),
        ("ffv1", "bgra", "mkv", {}),
    ],
)
def test_what_is_transparent_is_on_black(
    tmp_path: Path,
    read: Callable[[Path], Any],
    codec: str,
    pixel_format: str,
    ending: str,
    options: dict[str, str],
) -> None:
    image = np.full((SIZE.height, SIZE.width, 4), (200, 200, 200, 255), np.uint8)
    image[:, 32:64, 3], image[:, 64:, 3] = 128, 0
    path = write(
        tmp_path / f"a.{ending}",
        [image] * 3,
        codec=codec,
        pixel_format=pixel_format,
        options=options,
    )
    shown = read(path)[1]
    assert len(shown) == 3
    for picture in shown:
        levels = [float(picture[20:70, at - 8 : at + 8].mean()) for at in (16, 48, 104)]
        assert levels == pytest.approx([200, 100, 0], abs=4)


@both_ways
@pytest.mark.parametrize(
    ("rows", "red"), [(480, 0.299), (576, 0.299), (578, 0.2126), (720, 0.2126)]
)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p"])
def test_a_matrix_that_is_not_told_goes_by_the_size(
    tmp_path: Path, read: Callable[[Path], Any], rows: int, red: float, pixel_format: str
) -> None:
    blue = 0.114 if red == 0.299 else 0.0722
    colour = np.array((0.75, 0.3, 0.25))
    luma = float(colour @ [red, 1 - red - blue, blue])
    chroma = (colour[2] - luma) / (2 - 2 * blue), (colour[0] - luma) / (2 - 2 * red)
    full = pixel_format == "yuvj420p"
    frame = av.VideoFrame(64, rows, pixel_format)
    levels = [255 * luma if full else 16 + 219 * luma]
    levels += [128 + (255 if full else 224) * each for each in chroma]
    for plane, level in zip(frame.planes, levels, strict=True):
        plane.update(bytes([round(level)]) * plane.buffer_size)
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=10, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, rows, pixel_format
        frame.pts, frame.time_base = 0, Fraction(1, 10)
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    np.testing.assert_allclose(read(path)[1][0][rows // 2, 32, ::-1], 255 * colour, atol=2.5)


def test_white_beyond_white_keeps_its_colour_and_stays_below_white() -> None:
    """An SDR white of 203 cd/m2 stays nearly white; a brighter sky does not turn grey or white."""
    from livematte.media.hdr import to_sdr
    from livematte.media.video.colour import PQ
    from tests.media.cards import encoded

    light = np.array([[1.0, 1.0, 1.0], [1.6, 1.6, 1.6], [0.9, 1.2, 1.5]])
    levels = np.rint(65535 * encoded(light, PQ)).astype(np.uint16)[None]
    (white, glare, sky) = to_sdr((levels[..., 0], levels[..., 1], levels[..., 2]), PQ, 9)[0]
    assert white.min() >= 250
    assert glare.min() > white.max() <= 254
    np.testing.assert_allclose(sky[::-1], [255 * 0.6, 255 * 0.8, 255], atol=6)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory from /proc")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_other_threads_go_on_while_a_drive_hangs(tmp_path: Path) -> None:
    """A pipe nobody writes to stands for a file on one: opening and reading it does not return."""
    path, longest, last_seconds = tmp_path / "hangs.mkv", 0.0, time.monotonic()
    os.mkfifo(path)
    opening = threading.Thread(target=_open_and_fail, args=(path,))
    opening.start()
    writing = None
    begin_seconds = last_seconds
    while (now_seconds := time.monotonic()) < begin_seconds + 0.6:
        longest, last_seconds = max(longest, now_seconds - last_seconds), now_seconds
        if writing is None and now_seconds > begin_seconds + 0.3:
            writing = os.open(path, os.O_WRONLY)  # it is open, and what it is cannot be read yet
        time.sleep(0.005)
    assert writing is not None
    os.close(writing)
    opening.join()
    assert longest < 0.25


def _open_and_fail(path: Path) -> None:
    with pytest.raises(av.FFmpegError):
        open_container(path)


def test_frames_are_given_back_at_once(tmp_path: Path) -> None:
    """What refers to itself stays until Python looks for it, which is after many frames."""
    size = Size(640, 480)
    path = write(tmp_path / "a.mp4", [plain(90, size)] * 150, codec="mpeg4")
    resident: list[int] = []
    gc.disable()
    try:
        with VideoFile(path, realtime=False) as video:
            for frame in video.frames():
                video.recycle(frame)
                resident.append(resident_bytes())
        background = LoopedVideo(path)
        for _ in range(150):
            background.next().pixels()
            resident.append(resident_bytes())
    finally:
        gc.enable()
    # To keep them would take 69 MB each time.
    for begin in (40, 190):
        assert resident[begin + 109] - resident[begin] < 20e6
