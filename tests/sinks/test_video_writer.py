"""Videos are read back with PyAV and, for rates and tags, with ffprobe."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from hypothesis import given
from hypothesis import strategies as st

from livematte.errors import SinkError, UsageError
from livematte.frame import Image, Size
from livematte.media.video.colour import BT709_LIMITED
from livematte.media.whole_file import Taken
from livematte.sinks import VideoWriter
from livematte.sinks.video.clock import SHORTEST_TICK_SECONDS, LiveClock
from livematte.sinks.video.codec import choose_codec
from livematte.sinks.video.encoding import FrameMaker
from tests.sinks.pictures import GREEN, picture
from tests.small_disk import small_disk

SIZE = Size(64, 48)
RATE = Fraction(30)


def write(
    path: Path,
    seconds: Sequence[float],
    *,
    size: Size = SIZE,
    rate: Fraction = RATE,
    transparent: bool = False,
) -> None:
    writer = VideoWriter(path, transparent)
    writer.open(size, rate)
    for index, media_seconds in enumerate(seconds):
        writer.send(picture(size, index, media_seconds=media_seconds, transparent=transparent))
    writer.close()


def times(path: Path, cut: bool = False) -> list[float]:
    """Of all pictures; `cut` allows that the last is half a one."""
    found: list[float] = []
    with av.open(str(path)) as container, suppress(*[av.InvalidDataError] * cut):
        found.extend(frame.time for frame in container.decode(video=0))
    return found


def probe(path: Path) -> dict[str, Any]:
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed")
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(path)]
    answer = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    (stream,) = json.loads(answer)["streams"]
    assert isinstance(stream, dict)
    return stream


def read(path: Path, decoder: str | None = None) -> Image:
    """The first picture in BGRA; ffmpeg's own VP9 decoder does not read alpha."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if decoder is None:
            frame = next(container.decode(stream))
        else:
            context = av.CodecContext.create(decoder, "r")
            frame = next(
                frame
                for packet in container.demux(stream)
                for frame in context.decode(packet)  # type: ignore[attr-defined]
            )
        frame = frame.reformat(format="bgra", src_colorspace=Colorspace.ITU709)
        return frame.to_ndarray().astype(np.uint8, copy=False)


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".mov", ".webm"])
@pytest.mark.parametrize("rate", [Fraction(30), Fraction(30000, 1001)])
def test_a_steady_rate_is_written_exactly(tmp_path: Path, ending: str, rate: Fraction) -> None:
    path = tmp_path / f"out{ending}"
    # As a Matroska file gives them: in whole milliseconds.
    write(path, [round(index / float(rate), 3) for index in range(77)], rate=rate)

    stream = probe(path)
    assert Fraction(stream["avg_frame_rate"]) == rate
    assert Fraction(stream["r_frame_rate"]) == rate
    assert int(stream["nb_read_frames"]) == 77


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_pictures_are_shown_when_the_source_says(tmp_path: Path, ending: str) -> None:
    seconds = [12.0, 12.04, 12.3, 12.31, 13.007]
    write(tmp_path / f"out{ending}", seconds)
    expected = [each - seconds[0] for each in seconds]
    assert times(tmp_path / f"out{ending}") == pytest.approx(expected, abs=0.0021)


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_times_that_stand_still_or_go_back_still_make_a_video(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    write(path, [0.0, 0.0, 0.1, 0.05, 0.1, 0.2])
    written = times(path)
    assert len(written) == 6
    assert all(earlier < later for earlier, later in itertools.pairwise(written))
    assert written[-1] == pytest.approx(0.2, abs=0.001)


@given(
    rate=st.fractions(min_value=1, max_value=240, max_denominator=1001),
    seconds=st.lists(st.floats(min_value=0, max_value=1e5), min_size=1, max_size=20),
)
def test_the_clock_never_stands_still(rate: Fraction, seconds: list[float]) -> None:
    clock = LiveClock(rate)
    ticks = [clock.ticks(each) for each in seconds]
    assert ticks[0] == 0
    for earlier, later in itertools.pairwise(ticks):
        assert (later - earlier) * clock.tick_seconds >= SHORTEST_TICK_SECONDS


@pytest.mark.parametrize(
    ("name", "quality", "crf"),
    [
        ("out.mp4", None, "18"),
        ("out.mp4", 1, "45"),
        ("out.mkv", 75, "18"),
        ("out.mov", 100, "8"),
        ("out.webm", None, "24"),
        ("out.webm", 1, "55"),
        ("out.webm", 38, "40"),
        ("out.webm", 100, "10"),
    ],
)
def test_quality_is_as_a_jpegs(name: str, quality: int | None, crf: str) -> None:
    assert choose_codec(Path(name), transparent=False, quality=quality).options["crf"] == crf


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".mov", ".webm"])
def test_colours_come_back(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    write(path, [0.0, 0.1])
    image = read(path)
    np.testing.assert_allclose(image[4:-4, -8:].reshape(-1, 4), [(*GREEN, 255)] * 320, atol=2)
    np.testing.assert_allclose(image[20, 8], (30, 60, 200, 255), atol=4)


@pytest.mark.parametrize("colour", [GREEN, (30, 60, 200), (255, 144, 30), (255, 255, 255)])
def test_colours_are_converted_to_the_nearest_level(colour: tuple[int, int, int]) -> None:
    codec = choose_codec(Path("out.mp4"), transparent=False, quality=None)
    maker = FrameMaker(codec, SIZE, BT709_LIMITED, transparent=False)
    frame = maker.make(picture(SIZE, left=colour, right=colour))
    blue, green, red = (value / 255 for value in colour)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue  # ITU-R BT.709
    exact = (
        16 + 219 * luma,
        128 + 224 * (blue - luma) / 1.8556,
        128 + 224 * (red - luma) / 1.5748,
    )
    for plane, level in zip(frame.planes, exact, strict=True):
        assert bytes(plane)[0] == pytest.approx(level, abs=0.51)


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_colours_are_tagged_as_what_they_are(tmp_path: Path, ending: str) -> None:
    write(tmp_path / f"out{ending}", [0.0])
    stream = probe(tmp_path / f"out{ending}")
    tags = {key: stream[key] for key in stream if key.startswith("color_")}
    assert tags == {
        "color_range": "tv",
        "color_space": "bt709",
        "color_transfer": "bt709",
        "color_primaries": "bt709",
    }


@pytest.mark.parametrize(("ending", "decoder"), [(".mov", None), (".webm", "libvpx-vp9")])
def test_alpha_comes_back(tmp_path: Path, ending: str, decoder: str | None) -> None:
    path = tmp_path / f"out{ending}"
    write(path, [0.0, 0.1], transparent=True)
    image = read(path, decoder)
    np.testing.assert_allclose(image[24, 8], (30, 60, 200, 255), atol=4)
    np.testing.assert_allclose(image[24, -8], (0, 0, 0, 0), atol=2)


def test_a_picture_with_a_background_is_opaque_in_a_transparent_video(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mov", transparent=True)
    writer.open(SIZE, RATE)
    writer.send(picture(SIZE))
    writer.close()
    np.testing.assert_allclose(read(tmp_path / "out.mov")[24, -8], (*GREEN, 255), atol=2)


def test_an_odd_size_loses_its_last_row_and_column(tmp_path: Path) -> None:
    write(tmp_path / "out.mp4", [0.0], size=Size(65, 49))
    image = read(tmp_path / "out.mp4")
    assert Size.of(image) == Size(64, 48)
    np.testing.assert_allclose(image[-1, -1], (*GREEN, 255), atol=2)


def test_slates_are_left_out(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4")
    writer.open(SIZE, RATE)
    writer.send(picture(SIZE, -1))
    for index in range(3):
        writer.send(picture(SIZE, index, media_seconds=5 + index / 30))
    writer.send(picture(SIZE, -1))
    writer.close()
    assert times(tmp_path / "out.mp4") == pytest.approx([0, 1 / 30, 2 / 30])


def test_the_file_appears_when_it_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"an older video")
    writer = VideoWriter(path, taken=Taken.REPLACE)
    assert os.listdir(tmp_path) == ["out.mp4"], "making a sink touches nothing"
    writer.open(SIZE, RATE)
    writer.send(picture(SIZE))
    assert path.read_bytes() == b"an older video"
    (unfinished,) = set(os.listdir(tmp_path)) - {"out.mp4"}
    assert unfinished.startswith(".")
    writer.close()
    writer.close()
    assert os.listdir(tmp_path) == ["out.mp4"]
    assert len(times(path)) == 1


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".mov", ".webm"])
@pytest.mark.parametrize("pictures", [0, 1, 40])
def test_what_an_error_ends_is_kept_and_named(tmp_path: Path, pictures: int, ending: str) -> None:
    writer = VideoWriter(tmp_path / f"out{ending}")
    writer.open(SIZE, RATE)
    for index in range(pictures):
        writer.send(picture(SIZE, index, media_seconds=index / 30))
    writer.abort()
    writer.close()
    if pictures == 0:
        assert os.listdir(tmp_path) == []
        return
    kept = tmp_path / f"out (incomplete){ending}"
    assert os.listdir(tmp_path) == [kept.name]
    assert len(times(kept)) == pictures
    (remark,) = writer.remarks
    assert str(kept) in remark
    assert f"{pictures} frame" in remark


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".webm"])
def test_no_picture_makes_no_file(tmp_path: Path, ending: str) -> None:
    write(tmp_path / f"out{ending}", [])
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_found_at_the_start(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "missing" / "out.mp4")
    with pytest.raises(SinkError, match="No such file") as caught:
        writer.open(SIZE, RATE)
    assert "Create the folder" in caught.value.remedy
    writer.abort()


def test_a_folder_in_the_files_place_is_found_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(SinkError, match="is a folder"):
        VideoWriter(tmp_path / "out.mp4").open(SIZE, RATE)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_place_that_takes_no_files_is_found_at_the_start() -> None:
    with pytest.raises(SinkError, match="cannot be written"):
        VideoWriter(Path("/proc/out.mp4")).open(SIZE, RATE)


FILL_THE_DISK = """
import resource, signal, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from livematte.errors import SinkError
from livematte.frame import Rendered, Size
from livematte.sinks import VideoWriter

if sys.argv[2] == "limit":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
random = np.random.default_rng(0)
alpha = np.zeros((240, 320), np.uint8)
writer = VideoWriter(Path(sys.argv[1]))
writer.open(Size(320, 240), Fraction(30))
finish = writer.close
try:
    for index in range(int(sys.argv[3])):
        noise = random.integers(0, 255, (240, 320, 3), np.uint8)
        writer.send(Rendered(noise, alpha, index, 0.0, index / 30))
except SinkError as error:
    print(error)
    finish = writer.abort
try:
    finish()
except SinkError as error:
    print(error)
print(writer.remarks)
"""


def fill_the_disk(path: Path, kind: str, pictures: int) -> str:
    command = [sys.executable, "-c", FILL_THE_DISK, str(path), kind, str(pictures)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert run.stderr == ""
    return run.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("pictures", [10, 60], ids=["at the end", "on the way"])
def test_a_file_that_may_not_grow_is_an_error(tmp_path: Path, ending: str, pictures: int) -> None:
    said = fill_the_disk(tmp_path / f"out{ending}", "limit", pictures)
    assert "cannot be written: File too large" in said
    require_kept(tmp_path, said)


def require_kept(folder: Path, said: str) -> None:
    """Nothing but what could be written is there, of which it was said how much it is."""
    for each in folder.iterdir():
        assert each.stem == "out (incomplete)"
        assert f"{each}: " in said
        (frames,) = re.findall(r", (\d+) frame", said)
        assert int(frames) - 3 <= len(times(each, cut=True)) <= int(frames)


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize(("size", "least"), [("600k", 8), ("3m", 45)])
def test_a_full_disk_is_an_error_and_what_was_written_is_kept(
    tmp_path: Path, ending: str, size: str, least: int
) -> None:
    with small_disk(tmp_path, size):
        said = fill_the_disk(tmp_path / f"out{ending}", "mount", 150)
        assert "No space left on device" in said
        assert "Free some disk space" in said
        (kept,) = tmp_path.iterdir()
        assert len(times(kept, cut=True)) >= least
        require_kept(tmp_path, said)


@pytest.mark.parametrize(
    ("name", "transparent", "endings"),
    [
        ("out.avi", False, ".mp4, .mkv, .mov, .webm"),
        ("out", False, ".mp4, .mkv, .mov, .webm"),
        ("out.mp4", True, ".mov, .webm"),
        ("out.gif", True, ".mov, .webm"),
    ],
)
def test_an_unfit_ending_is_refused_at_once(name: str, transparent: bool, endings: str) -> None:
    with pytest.raises(UsageError) as caught:
        VideoWriter(Path(name), transparent)
    assert endings in caught.value.remedy
