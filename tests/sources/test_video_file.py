from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from livematte.errors import SourceError
from livematte.frame import Image, Size
from livematte.sources import VideoFile
from tests.video.clips import mark_as_turned

GREYS = (20, 60, 100, 140, 180, 220)


def gray(level: int) -> Image:
    return np.full((36, 64, 3), level, np.uint8)


def write_video(
    path: Path,
    images: Sequence[Image],
    *,
    rate: Fraction = Fraction(25),
    ticks: Sequence[int] | None = None,
    codec: str = "ffv1",
    pixel_format: str = "bgr0",
    options: dict[str, str] | None = None,
    encoding: dict[str, str] | None = None,
) -> Path:
    """Write `images`, each at its own tick of 1/rate seconds."""
    size = Size.of(images[0])
    with av.open(str(path), "w", options=options or {}) as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=rate, options=encoding or {}))
        stream.width, stream.height, stream.pix_fmt = *size, pixel_format
        stream.codec_context.time_base = 1 / rate
        for tick, image in zip(ticks or range(len(images)), images, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = tick, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read(path: Path) -> tuple[VideoFile, list[Image], list[float]]:
    """The source, its pictures and their times, as fast as they can be had."""
    images, times = [], []
    with VideoFile(path, realtime=False) as video:
        for index, frame in enumerate(video.frames()):
            assert frame.index == index
            images.append(frame.image.copy())
            times.append(frame.media_seconds)
            video.recycle(frame)
    return video, images, times


def test_every_frame_comes_in_order_and_at_its_time(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [gray(level) for level in GREYS])
    video, images, times = read(path)
    assert [int(image[0, 0, 0]) for image in images] == list(GREYS)
    assert times == pytest.approx([index / 25 for index in range(6)], abs=1e-3)
    assert video.size == Size(64, 36)
    assert video.frames_per_second == 25
    assert "a.mkv, 64x36 at 25 frames/s" in video.description


def test_an_ntsc_rate_stays_exact(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "a.mp4",
        [gray(100)] * 8,
        rate=Fraction(30000, 1001),
        codec="mpeg4",
        pixel_format="yuv420p",
    )
    assert read(path)[0].frames_per_second == Fraction(30000, 1001)


def test_a_variable_rate_is_kept(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "a.mkv", [gray(level) for level in GREYS[:4]], ticks=(0, 1, 9, 10)
    )
    assert read(path)[2] == pytest.approx([0.0, 0.04, 0.36, 0.4], abs=1e-3)


@pytest.mark.parametrize(
    ("cosine", "sine", "bright"),
    [(0, 1, "right"), (-1, 0, "bottom"), (0, -1, "left")],
    ids=["clockwise", "upside down", "anticlockwise"],
)
def test_a_clip_that_was_filmed_sideways_is_upright(
    tmp_path: Path, cosine: int, sine: int, bright: str
) -> None:
    """`bright` is where the recorded picture's upper edge belongs."""
    image = gray(10)
    image[:8] = 250
    path = tmp_path / "a.mp4"
    write_video(path, [image] * 3, codec="mpeg4", pixel_format="yuv420p")
    mark_as_turned(path, cosine, sine)
    video, images, _ = read(path)
    assert video.size == (Size(64, 36) if cosine else Size(36, 64))
    edges = {
        "left": images[0][:, :4],
        "right": images[0][:, -4:],
        "top": images[0][:4],
        "bottom": images[0][-4:],
    }
    assert max(edges, key=lambda name: float(edges[name].mean())) == bright


@pytest.mark.parametrize("matrix", [Colorspace.ITU709, Colorspace.ITU601])
def test_colours_follow_the_matrix_that_the_file_names(tmp_path: Path, matrix: Colorspace) -> None:
    path, green = tmp_path / "green.mp4", (0x40, 0xB1, 0x00)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv444p"
        stream.codec_context.colorspace = matrix
        image = np.full((36, 64, 3), green, np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        container.mux(stream.encode(frame.reformat(format="yuv444p", dst_colorspace=matrix)))
        container.mux(stream.encode(None))
    np.testing.assert_allclose(read(path)[1][0][18, 32], green, atol=3)


def test_odd_sizes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (35, 61, 3), np.uint8)
    _, images, _ = read(write_video(tmp_path / "a.mkv", [image]))
    np.testing.assert_array_equal(images[0], image)


def test_it_plays_as_fast_as_it_was_recorded(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [gray(level) for level in GREYS], rate=Fraction(10))
    with VideoFile(path) as video:
        started = time.monotonic()
        seconds = [frame.captured_seconds - started for frame in video.frames()]
    assert seconds == pytest.approx([index / 10 for index in range(6)], abs=0.09)


def test_when_held_up_it_goes_on_from_there(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [gray(level) for level in GREYS], rate=Fraction(20))
    taken = []
    with VideoFile(path) as video:
        for frame in video.frames():
            taken.append(time.monotonic())
            if frame.index == 1:
                time.sleep(0.3)
    steps = np.diff(taken)
    assert steps[2:].min() > 0.03, "no rush to catch up"


def test_interrupting_ends_even_a_long_wait(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [gray(1), gray(2)], rate=Fraction(1), ticks=(0, 60))
    with VideoFile(path) as video:
        threading.Timer(0.2, video.interrupt).start()
        started = time.monotonic()
        assert len(list(video.frames())) == 1
        assert time.monotonic() - started < 2


def test_a_frame_is_written_over_only_after_it_was_recycled(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [gray(level) for level in GREYS])
    with VideoFile(path, realtime=False) as video:
        frames = list(video.frames())
        assert [int(each.image[0, 0, 0]) for each in frames] == list(GREYS)
    with VideoFile(path, realtime=False) as video:
        addresses = set()
        for frame in video.frames():
            addresses.add(frame.image.ctypes.data)
            video.recycle(frame)
    assert len(addresses) == 1


def test_a_damaged_frame_is_skipped_and_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (36, 64, 3), np.uint8) for _ in range(5)]
    path = write_video(tmp_path / "a.mov", noise, codec="png", pixel_format="rgb24")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    path.write_bytes(data)
    video, images, _ = read(path)
    assert video.damaged_frames == 1
    assert video.remarks == ["skipped 1 that could not be decoded"]
    assert len(images) == 4


@pytest.mark.parametrize("damaged", range(6))
def test_a_damaged_frame_takes_no_other_with_it(tmp_path: Path, damaged: int) -> None:
    """Wherever it is, also among the last ones, which are decoded in parallel."""
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (36, 64, 3), np.uint8) for _ in range(6)]
    path = write_video(tmp_path / "a.mov", noise, codec="png", pixel_format="rgb24")
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux() if packet.size > 0]
    at = packets[damaged].pos
    assert at is not None
    data = bytearray(path.read_bytes())
    data[at + 200 : at + 240] = bytes(40)
    path.write_bytes(data)
    video, images, times = read(path)
    assert video.damaged_frames == 1
    left = [index for index in range(6) if index != damaged]
    assert times == pytest.approx([(index - left[0]) / 25 for index in left], abs=1e-3)
    for index, image in zip(left, images, strict=True):
        np.testing.assert_array_equal(image, noise[index])


OPEN_GOP = {"x264-params": "open-gop=1:keyint=12:bframes=4:b-adapt=0:log-level=none"}
"""Pictures before a keyframe need the one before it, and decoding order is not theirs."""


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts", "avi", "h264"])
@pytest.mark.parametrize(
    ("start", "end"), [(0.0, 0.4), (0.44, 0.48), (0.5, 1.0), (0.52, None), (1.9, 5.0), (1.2, 1.21)]
)
def test_a_part_is_exact_to_the_frame(
    tmp_path: Path, ending: str, start: float, end: float | None
) -> None:
    path = tmp_path / f"a.{ending}"
    write_video(
        path,
        [gray(20 + 4 * index) for index in range(50)],
        codec="libx264" if ending != "avi" else "mjpeg",
        pixel_format="yuv420p" if ending != "avi" else "yuvj420p",
        encoding=None if ending == "avi" else OPEN_GOP,
    )
    whole = read_part(path)
    assert len(whole) == 50
    wanted = [each for each in whole if start <= each[0] and (end is None or each[0] < end)]
    assert 0 < len(wanted) < 50
    assert read_part(path, start, end) == wanted


def read_part(
    path: Path, start: float | None = None, end: float | None = None
) -> list[tuple[float, int]]:
    """When each frame is shown, on the timeline of players, and how bright it is."""
    with VideoFile(path, realtime=False, start_seconds=start, end_seconds=end) as video:
        begins = float(video.first_seconds - video._origin_seconds)
        frames = [
            (round(begins + frame.media_seconds, 3), round(float(frame.image.mean())))
            for frame in video.frames()
        ]
        assert video.damaged_frames == 0
        assert video.frame_count is None or video.frame_count == pytest.approx(len(frames), abs=2)
    return frames


@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_a_file_that_was_cut_off_is_not_taken_for_whole(tmp_path: Path, container: str) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (36, 64, 3), np.uint8) for _ in range(50)]
    path = write_video(
        tmp_path / f"a.{container}",
        noise,
        codec="mpeg4",
        pixel_format="yuv420p",
        options={"movflags": "faststart"} if container == "mp4" else {},
    )
    video, images, _ = read(path)
    assert (len(images), video.remarks) == (50, [])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    video, images, _ = read(path)
    assert 10 < len(images) < 40
    assert re.search(r"breaks off after [01]\.\d of 2\.0 seconds", video.remarks[-1])
    # MP4 has the last frame's length beforehand, so that FFmpeg makes up what is missing of it.
    assert video.damaged_frames == (container == "mp4")


def test_sound_may_go_on_after_the_last_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 64, 36, "bgr0"
        sound = container.add_stream("aac", rate=8000)
        for level in GREYS:
            container.mux(video.encode(av.VideoFrame.from_ndarray(gray(level), format="bgr24")))
        container.mux(video.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        silence.sample_rate = 8000
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    source, images, _ = read(path)
    assert (len(images), source.remarks) == (len(GREYS), [])


def test_text_is_not_rendered_as_a_video(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello there\n" * 40)
    with pytest.raises(SourceError, match=r"notes\.txt"), VideoFile(path):
        pass


def make_empty(path: Path) -> None:
    path.touch()


def make_text(path: Path) -> None:
    path.write_text("no video")


def make_cut_short(path: Path) -> None:
    write_video(path, [gray(1)] * 5, codec="mpeg4", pixel_format="yuv420p")
    path.write_bytes(path.read_bytes()[:200])


def leave_out(_path: Path) -> None:
    """There is no such file."""


def make_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate = 8000
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    "make", [make_empty, make_text, make_cut_short, make_sound, Path.mkdir, leave_out]
)
def test_what_is_no_video_is_named(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "clip.mp4"
    make(path)
    with pytest.raises(SourceError, match=r"clip\.mp4"), VideoFile(path):
        pass


def test_making_one_touches_nothing(tmp_path: Path) -> None:
    VideoFile(tmp_path / "missing.mp4")
