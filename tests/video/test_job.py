"""Video files in, matted video files out, with a renderer that needs no network."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.codec import CodecContext

from livematte.background import Background, Transparent
from livematte.backgrounds.parse import parse
from livematte.backgrounds.solid import solid
from livematte.errors import LivematteError, MatteError, SourceError, UsageError
from livematte.frame import Frame, Image, Size
from livematte.matting.colours import estimate_foreground
from livematte.matting.composite import Compositor
from livematte.media.video.colour import FULL, SMPTE_170M, UNSPECIFIED, Colour
from livematte.options.refinement import DEFAULT, PLAIN, Refinement
from livematte.options.rendering import RenderOptions
from livematte.render.fake import FakeRenderer
from livematte.render.renderer import OpenedRenderer, Renderer
from livematte.video import Save, VideoJob
from tests.sinks.pictures import GREEN
from tests.test_endurance import resident_bytes
from tests.video.clips import RGB, Clip, mark_as_turned, person, read_clip, write_clip

COUNT = 40


class BlueIsAlpha(FakeRenderer):
    """Takes the blue of a frame for its matte, and composites as it was wished."""

    def __init__(self, frame_size: Size, refinement: Refinement) -> None:
        super().__init__(frame_size)
        self._compositor = Compositor(frame_size, colours=refinement.colours)

    def submit(
        self, frame: Frame, background: Background, refinement: Refinement | None = None
    ) -> bool:
        if not self._buffers.has_room():
            return False
        with self._buffers.render(frame, background) as (image, alpha):
            np.copyto(alpha, frame.image[..., 0])
            self._compositor.compose(frame, alpha, background, image)
        return True


class Doubted(FakeRenderer):
    """Has no usable matte for some frames."""

    FRAMES = (3, 4, 5, 9)

    def submit(
        self, frame: Frame, background: Background, refinement: Refinement | None = None
    ) -> bool:
        if frame.index not in self.FRAMES:
            return super().submit(frame, background, refinement)
        if not self._buffers.has_room():
            return False
        with self._buffers.render(frame, background):
            self._doubt(frame)
        return True

    def _doubt(self, frame: Frame) -> None:
        raise MatteError("The matte is noise", frame.index)


@pytest.fixture(autouse=True)
def _without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeRenderer)


def use(monkeypatch: pytest.MonkeyPatch, make: Callable[[Size], Renderer]) -> None:
    def open_fake(_options: RenderOptions, frame_size: Size, *_: Any) -> OpenedRenderer:
        return OpenedRenderer(make(frame_size), "")

    monkeypatch.setattr("livematte.video.job.open_renderer", open_fake)


def use_blue(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_fake(options: RenderOptions, frame_size: Size, *_: Any) -> OpenedRenderer:
        return OpenedRenderer(BlueIsAlpha(frame_size, options.refinement), "")

    monkeypatch.setattr("livematte.video.job.open_renderer", open_fake)


def matte(source: Path, output: str | Path, **wishes: Any) -> VideoJob:
    job = VideoJob(source, output, **wishes)
    job.run()
    return job


def talk(tmp_path: Path, **wishes: Any) -> Path:
    """A clip with two tracks of sound."""
    images = [person(index) for index in range(COUNT)]
    return write_clip(tmp_path / "talk.mp4", images, languages=("eng", "fra"), **wishes)


def assert_same_sound(made: Clip, source: Clip) -> None:
    assert len(made.tracks) == len(source.tracks) > 0
    for mine, theirs in zip(made.tracks, source.tracks, strict=True):
        assert (mine.codec, mine.language) == (theirs.codec, theirs.language)
        assert mine.packets == theirs.packets
        assert mine.times == pytest.approx(theirs.times, abs=1e-3)


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_every_frame_its_time_and_the_sound_are_kept(tmp_path: Path, ending: str) -> None:
    path = talk(tmp_path)
    output = tmp_path / f"out{ending}"
    job = matte(path, output)
    source, made = read_clip(path), read_clip(output)
    assert len(made.times) == COUNT
    assert made.times == pytest.approx(source.times, abs=1e-9 if ending != ".mkv" else 1e-3)
    assert made.end_seconds == pytest.approx(source.end_seconds, abs=2e-3)
    assert_same_sound(made, source)
    assert source.tracks[0].times[0] < 0, "the sound of an MP4 begins a little before its pictures"
    assert job.remarks == []
    assert job.frames == job.total_frames == COUNT


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".webm"])
def test_a_variable_rate_and_a_late_first_picture_are_kept(tmp_path: Path, ending: str) -> None:
    ticks = (90, 121, 133, 400, 407, 1000, 1017, 1200)
    path = write_clip(
        tmp_path / "a.mkv", [person(0)] * 8, ticks=ticks, tick_seconds=Fraction(1, 600)
    )
    matte(path, tmp_path / f"out{ending}")
    source, made = read_clip(path), read_clip(tmp_path / f"out{ending}")
    assert source.times[0] == pytest.approx(0.15)
    assert made.times == pytest.approx(source.times, abs=1e-3)
    assert made.end_seconds == pytest.approx(source.end_seconds, abs=2e-3)


def test_the_last_picture_lasts_as_long_as_it_did(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "a.mp4", [person(0)] * 3, ticks=(0, 1, 20), languages=("eng",), sound_seconds=0.1
    )
    matte(path, tmp_path / "out.mp4")
    assert read_clip(tmp_path / "out.mp4").end_seconds == read_clip(path).end_seconds > 0.6


def test_a_broadcast_that_counts_from_anywhere_begins_at_0(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "a.ts",
        [person(index) for index in range(COUNT)],
        languages=("eng",),
        container_options={"output_ts_offset": "1000"},
    )
    matte(path, tmp_path / "out.mp4")
    matte(path, tmp_path / "part.mp4", start_seconds=0.5)
    source, made = read_clip(path), read_clip(tmp_path / "out.mp4")
    begins = min(source.times[0], source.tracks[0].times[0])
    assert begins > 999
    assert made.times == pytest.approx([time - begins for time in source.times], abs=1e-3)
    assert made.tracks[0].times == pytest.approx(
        [time - begins for time in source.tracks[0].times], abs=1e-3
    )
    first, *later = [time for time in made.times if time >= 0.5]
    wanted = [0.0, *(time - first for time in later)]
    assert read_clip(tmp_path / "part.mp4").times == pytest.approx(wanted, abs=1e-3)


def test_what_was_filmed_sideways_is_upright(tmp_path: Path) -> None:
    image = np.full((64, 96, 3), 60, np.uint8)
    image[:16] = 220
    path = write_clip(tmp_path / "phone.mp4", [image] * 3, pixel_aspect=Fraction(4, 3))
    mark_as_turned(path, 0, 1)
    matte(path, tmp_path / "out.mp4")
    made = read_clip(tmp_path / "out.mp4")
    assert made.rotation == 0
    assert made.pixel_aspect in (None, 1)
    assert Size.of(made.images[0]) == Size(64, 128), "pixels became square"
    assert made.images[0][:, -12:].mean() > 215, "the recorded picture's upper edge is on the right"
    np.testing.assert_allclose(made.images[0][48, 8], GREEN, atol=3)


@pytest.mark.parametrize(
    ("colour", "background"),
    [
        (Colour(SMPTE_170M, FULL, 6, 6), "#1e90ff"),
        (Colour(SMPTE_170M, FULL, 6, 6), "#808080"),
        (Colour(9, 1, 9, 14), "#1e90ff"),
        (Colour(UNSPECIFIED, FULL, UNSPECIFIED, UNSPECIFIED), "#1e90ff"),
    ],
)
def test_colours_are_written_and_tagged_as_in_the_source(
    tmp_path: Path, colour: Colour, background: str
) -> None:
    path = write_clip(tmp_path / "a.mp4", [person(0)] * 3, colour=colour, options={"crf": "1"})
    matte(path, tmp_path / "out.mp4", background=solid(background))
    source, made = read_clip(path), read_clip(tmp_path / "out.mp4")
    assert made.colour == source.colour == colour
    blue_green_red = [int(background[at : at + 2], 16) for at in (5, 3, 1)]
    np.testing.assert_allclose(made.images[1][8, 80], blue_green_red, atol=2)
    np.testing.assert_allclose(made.images[1][40, 20], source.images[1][40, 20], atol=2)


def test_a_matrix_that_was_guessed_is_told_where_it_would_now_be_guessed_otherwise(
    tmp_path: Path,
) -> None:
    """576 rows are taken for BT.601, and the 720 that they are upright for BT.709."""
    untold = Colour(UNSPECIFIED, 1, UNSPECIFIED, UNSPECIFIED)
    path = write_clip(tmp_path / "a.mp4", [person(0, Size(720, 576))] * 2, colour=untold)
    matte(path, tmp_path / "same.mp4")
    mark_as_turned(path, 0, 1)
    matte(path, tmp_path / "turned.mp4")
    assert read_clip(tmp_path / "same.mp4").colour.matrix == UNSPECIFIED
    assert read_clip(tmp_path / "turned.mp4").colour.matrix == SMPTE_170M


def test_a_webm_gets_its_own_sound_and_says_so(tmp_path: Path) -> None:
    path = talk(tmp_path)
    job = matte(path, tmp_path / "out.webm")
    source, made = read_clip(path), read_clip(tmp_path / "out.webm")
    assert job.remarks == ["encoded the sound again as Opus, since .webm cannot hold AAC"]
    assert [track.codec for track in made.tracks] == ["opus"] * 2
    assert [track.language for track in made.tracks] == ["eng", "fra"]
    assert made.times == pytest.approx(source.times, abs=1e-3)
    assert made.tracks[0].times[-1] == pytest.approx(source.tracks[0].times[-1], abs=0.06)
    with av.open(str(tmp_path / "out.webm")) as container:
        loudness = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=1)], 1)
    assert loudness[0, 4800:-4800].std() == pytest.approx(0.2 / np.sqrt(12), rel=0.2)


def test_sound_that_is_encoded_again_is_cut_where_the_pictures_are(tmp_path: Path) -> None:
    matte(talk(tmp_path), tmp_path / "out.webm", start_seconds=0.5, end_seconds=1.0)
    made = read_clip(tmp_path / "out.webm")
    assert made.times[0] == pytest.approx(0, abs=1e-3)
    for track in made.tracks:
        assert track.times[0] == pytest.approx(0, abs=0.03)
        assert track.times[-1] == pytest.approx(0.5, abs=0.05)


def test_sound_that_a_webm_can_hold_is_copied(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "a.mkv", [person(0)] * COUNT, languages=("eng",), sound_codec="libopus"
    )
    job = matte(path, tmp_path / "out.webm")
    assert job.remarks == []
    assert_same_sound(read_clip(tmp_path / "out.webm"), read_clip(path))


def test_sound_that_was_cut_away_stays_away(tmp_path: Path) -> None:
    """MP4 can hide the beginning of a track; what hears nothing of that would play it."""
    path = tmp_path / "cut.mp4"
    with av.open(str(talk(tmp_path))) as source, av.open(str(path), "w") as container:
        copies = {each.index: container.add_stream_from_template(each) for each in source.streams}
        for packet in source.demux():
            if packet.pts is None or packet.dts is None:
                continue
            stream = copies[packet.stream_index]
            if stream.type == "audio":
                packet.pts -= 24_000
                packet.dts -= 24_000
            packet.stream = stream
            container.mux(packet)
    assert read_clip(path).tracks[0].times[0] < -0.5
    matte(path, tmp_path / "out.mkv")
    made = read_clip(tmp_path / "out.mkv")
    assert -0.1 <= made.tracks[0].times[0] < 0
    assert made.tracks[0].packets == read_clip(path).tracks[0].packets[-len(made.tracks[0].times) :]
    assert made.times == pytest.approx(read_clip(path).times, abs=1e-3)


def test_nothing_is_told_of_where_it_was_recorded(tmp_path: Path) -> None:
    path = talk(tmp_path, metadata={"title": "at home", "comment": "+48.1+011.5/"})
    assert read_clip(path).metadata["comment"] == "+48.1+011.5/"
    for ending in (".mp4", ".mkv"):
        matte(path, tmp_path / f"out{ending}")
        data = (tmp_path / f"out{ending}").read_bytes()
        assert b"+48.1" not in data
        assert b"at home" not in data


# --- what is saved


def ramp(index: int) -> Image:
    """Alpha from 0 to 255 in the blue, for `BlueIsAlpha`."""
    image = np.empty((64, 256, 3), np.uint8)
    image[..., 0] = np.roll(np.arange(256, dtype=np.uint8), index)
    image[..., 1], image[..., 2] = 90, 170
    return image


def read_png(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return image.astype(np.uint8, copy=False)


LOSSLESS: dict[str, Any] = {
    "codec": "ffv1",
    "pixel_format": "bgr0",
    "colour": Colour(RGB, 0, UNSPECIFIED, UNSPECIFIED),
}
"""So that what the matte is made from is known exactly."""


@pytest.mark.parametrize(
    ("name", "decoder", "mean", "worst"),
    [
        ("out.mov", None, 1, 1),  # ProRes 4444 keeps alpha without loss, but for rounding
        ("out.webm", "libvpx-vp9", 1.5, 16),  # VP9 does not
    ],
)
def test_a_cutout_has_the_matte_as_its_alpha(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    decoder: str | None,
    mean: float,
    worst: float,
) -> None:
    use_blue(monkeypatch)
    images = [ramp(index) for index in range(8)]
    path = write_clip(tmp_path / "a.mkv", images, **LOSSLESS)
    matte(path, tmp_path / name, save=Save.CUTOUT)
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context if decoder is None else CodecContext.create(decoder, "r")
        frames = [
            frame
            for packet in container.demux(stream)
            for frame in context.decode(packet)  # type: ignore[attr-defined]
        ]
    assert len(frames) == len(images)
    for frame, image in zip(frames, images, strict=True):
        alpha = frame.reformat(format="bgra").to_ndarray()[..., 3]
        off = np.abs(alpha.astype(int) - image[..., 0])
        assert off.mean() <= mean
        # A step from 255 to 0 is blurred by a codec that is not lossless.
        step = np.abs(np.diff(image[0, :, 0].astype(int), prepend=image[0, 0, 0])) > 1
        near = np.convolve(step, np.ones(17), "same") > 0
        assert off[:, ~near].max() <= worst


@pytest.mark.parametrize("refinement", [DEFAULT, PLAIN])
def test_a_cutout_of_pngs_is_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refinement: Refinement
) -> None:
    use_blue(monkeypatch)
    path = write_clip(tmp_path / "a.mkv", [ramp(3)] * 3, **LOSSLESS)
    matte(
        path, f"{tmp_path}/frames/", save=Save.CUTOUT, options=RenderOptions(refinement=refinement)
    )
    assert sorted(os.listdir(tmp_path / "frames")) == [f"{index:06}.png" for index in range(3)]
    written = read_png(tmp_path / "frames" / "000002.png")
    alpha = ramp(3)[..., 0]
    np.testing.assert_array_equal(written[..., 3], alpha)
    clean = estimate_foreground(ramp(3), np.ascontiguousarray(alpha))
    np.testing.assert_array_equal(written[..., :3], clean)
    assert not written[alpha == 0].any()


@pytest.mark.parametrize("refinement", [DEFAULT, PLAIN])
@pytest.mark.parametrize("save", [Save.ALPHA, Save.FOREGROUND])
def test_key_and_fill_are_what_goes_over_a_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save: Save, refinement: Refinement
) -> None:
    use_blue(monkeypatch)
    path = write_clip(tmp_path / "a.mkv", [ramp(0)] * 2, **LOSSLESS)
    matte(path, f"{tmp_path}/frames/", save=save, options=RenderOptions(refinement=refinement))
    matte(path, tmp_path / "out.mp4", save=save, options=RenderOptions(refinement=refinement))
    written = read_png(tmp_path / "frames" / "000001.png").astype(float)
    alpha = ramp(0)[..., :1].astype(float)
    clean = estimate_foreground(ramp(0), np.ascontiguousarray(ramp(0)[..., 0]))
    exact = np.repeat(alpha, 3, 2) if save is Save.ALPHA else clean * alpha / 255
    np.testing.assert_allclose(written, exact, atol=0.51)
    np.testing.assert_allclose(read_clip(tmp_path / "out.mp4").images[1], exact, atol=10)


# --- a part, and a part that is done


@pytest.mark.parametrize(("start", "end"), [(0.5, None), (None, 0.5), (0.35, 1.0), (0.1, 0.11)])
def test_only_what_lies_between_start_and_end(
    tmp_path: Path, start: float | None, end: float | None
) -> None:
    path = talk(tmp_path)
    job = matte(path, tmp_path / "out.mp4", start_seconds=start, end_seconds=end)
    source, made = read_clip(path), read_clip(tmp_path / "out.mp4")
    last = 99.0 if end is None else end
    first = next(time for time in source.times if time >= (start or 0.0) - 1e-6)
    wanted = [time - first for time in source.times if first <= time < last - 1e-6]
    assert made.times == pytest.approx(wanted, abs=1e-3)
    assert job.total_frames == pytest.approx(len(wanted), abs=1)
    assert job.remarks == []
    sound = [
        (time - first, data)
        for time, data in zip(source.tracks[1].times, source.tracks[1].packets, strict=True)
        if (start is None or time >= first) and time + 1024 / 48000 <= last
    ]
    if not sound:
        assert made.tracks == []
        return
    assert made.tracks[1].packets == [data for _, data in sound]
    assert made.tracks[1].times == pytest.approx([time for time, _ in sound], abs=1e-3)


def test_a_start_behind_the_end_of_the_file_says_how_long_it_is(tmp_path: Path) -> None:
    job = VideoJob(talk(tmp_path), tmp_path / "out.mp4", start_seconds=20)
    with pytest.raises(UsageError, match=r"It is 1\.\d seconds long"):
        job.run()
    assert os.listdir(tmp_path) == ["talk.mp4"]


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".webm"])
def test_what_is_done_when_it_is_stopped_is_a_whole_file(tmp_path: Path, ending: str) -> None:
    images = [person(index) for index in range(200)]
    path = write_clip(tmp_path / "talk.mkv", images, languages=("eng",))

    def stop_at_50(frames: int) -> None:
        if frames == 50:
            job.stop()

    job = VideoJob(path, tmp_path / f"out{ending}", on_progress=stop_at_50)
    job.run()
    made = read_clip(tmp_path / f"out{ending}")
    assert job.frames == len(made.times) == 50
    assert made.times[-1] == pytest.approx(49 / 30, abs=1e-3)
    assert made.tracks[0].times[-1] == pytest.approx(50 / 30, abs=0.05)
    assert job.remarks[-1] == "stopped early after 50 frames"


# --- damage


@pytest.mark.parametrize(("codec", "ending"), [("libx264", "mp4"), ("mjpeg", "mkv")])
def test_damaged_frames_in_the_middle_are_skipped_and_counted(
    tmp_path: Path, codec: str, ending: str
) -> None:
    noise = np.random.default_rng(0)
    images = [noise.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(60)]
    path = tmp_path / f"a.{ending}"
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    write_clip(path, images, codec=codec, pixel_format=pixel_format, languages=("eng",))
    whole = read_clip(path)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size > 0]
        at, size = packets[30].pos, packets[30].size
    assert at is not None
    data = bytearray(path.read_bytes())
    data[at + 4 : at + size] = random.Random(0).randbytes(size - 4)
    path.write_bytes(data)

    job = matte(path, tmp_path / "out.mp4")
    made = read_clip(tmp_path / "out.mp4")
    assert 50 <= len(made.times) < 60
    assert job.remarks[0].startswith("skipped ")
    at_all_times = np.array(whole.times)
    for time in made.times:
        assert np.abs(at_all_times - time).min() < 1e-3, "those that are left keep their times"
    assert made.times[-1] == pytest.approx(whole.times[-1], abs=1e-3)
    assert made.tracks[0].packets == whole.tracks[0].packets


def test_a_file_that_ends_too_soon_gives_what_it_has(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    images = [noise.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(60)]
    path = write_clip(tmp_path / "a.mkv", images, languages=("eng",))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    job = matte(path, tmp_path / "out.mp4")
    assert 10 < len(read_clip(tmp_path / "out.mp4").times) < 50
    assert any("breaks off after" in remark for remark in job.remarks)


def test_what_a_failure_ends_is_kept_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(FakeRenderer):
        def submit(
            self, frame: Frame, background: Background, refinement: Refinement | None = None
        ) -> bool:
            if frame.index == 10:
                raise LivematteError("It broke.", "Mend it.")
            return super().submit(frame, background, refinement)

    use(monkeypatch, Failing)
    path = talk(tmp_path)
    job = VideoJob(path, tmp_path / "out.mp4")
    with pytest.raises(LivematteError, match="It broke"):
        job.run()
    kept = tmp_path / "out (incomplete).mp4"
    assert sorted(os.listdir(tmp_path)) == [kept.name, "talk.mp4"]
    assert 5 <= len(read_clip(kept).times) <= 10
    assert str(kept) in job.remarks[0]


# --- what is refused before anything is opened


@pytest.mark.parametrize(
    ("name", "wishes", "says"),
    [
        ("out.mp4", {"save": Save.CUTOUT}, r"\.mp4 videos cannot be transparent.*\.mov, \.webm"),
        ("out.mov", {"save": Save.CUTOUT, "quality": 50}, "ProRes 4444 has no quality"),
        ("frames/", {"quality": 50}, "PNG has no quality setting"),
        ("out.mp4", {"quality": 0}, "1 to 100"),
        ("out.mp4", {"quality": 101}, "1 to 100"),
        ("out.avi", {}, r"\.mp4, \.mkv, \.mov, \.webm"),
        ("out.mp4", {"save": Save.ALPHA, "background": parse("navy")}, "no background"),
        ("out.mp4", {"background": Transparent()}, "--save cutout"),
        (
            "out.mp4",
            {"start_seconds": 2.0, "end_seconds": 2.0},
            "end at 2 seconds is not after the start",
        ),
        ("out.mp4", {"start_seconds": -1.0}, "before 0"),
    ],
)
def test_what_cannot_be_is_refused_at_once(
    tmp_path: Path, name: str, wishes: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        VideoJob(tmp_path / "talk.mp4", f"{tmp_path}/{name}", **wishes)
    assert os.listdir(tmp_path) == []


def test_what_is_there_is_replaced_only_if_that_is_wished(tmp_path: Path) -> None:
    path, output = talk(tmp_path), tmp_path / "out.mp4"
    output.write_bytes(b"an older video")
    with pytest.raises(UsageError, match="--overwrite"):
        VideoJob(path, output)
    matte(path, output, overwrite=True)
    assert len(read_clip(output).times) == COUNT

    (tmp_path / "frames").mkdir()
    matte(path, tmp_path / "frames", end_seconds=0.1)
    with pytest.raises(UsageError, match="--overwrite"):
        VideoJob(path, tmp_path / "frames")
    matte(path, tmp_path / "frames", end_seconds=0.1, overwrite=True)


def test_the_input_is_never_written_over(tmp_path: Path) -> None:
    path = talk(tmp_path)
    (tmp_path / "other.mp4").symlink_to(path)
    for output in (path, tmp_path / "other.mp4"):
        with pytest.raises(UsageError, match="is read in this run"):
            VideoJob(path, output, overwrite=True)


def test_an_input_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"missing\.mp4"):
        matte(tmp_path / "missing.mp4", tmp_path / "out.mp4")
    assert os.listdir(tmp_path) == []


# --- the rest


def test_a_lower_quality_makes_a_smaller_file(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    images = [noise.integers(130, 256, (64, 96, 3), np.uint8) for _ in range(5)]
    path = write_clip(tmp_path / "a.mp4", images)
    sizes = []
    for quality in (10, None, 75, 100):
        matte(path, tmp_path / "out.mp4", quality=quality, overwrite=True)
        sizes.append((tmp_path / "out.mp4").stat().st_size)
    assert sizes[0] < 0.9 * sizes[1]
    assert sizes[1] == pytest.approx(sizes[2], rel=0.01), "x264 is a few bytes off itself"
    assert sizes[2] < 0.9 * sizes[3]


def test_it_tells_what_it_does_once_it_is_ready(tmp_path: Path) -> None:
    told: list[Any] = []
    job = VideoJob(
        talk(tmp_path),
        tmp_path / "out.mp4",
        background=parse("navy"),
        on_ready=lambda: told.append((job.description, job.total_frames)),
        on_progress=told.append,
    )
    job.run()
    (description, total), *counts = told
    assert description == (
        f"talk.mp4, 96x64 at 30 frames/s → fake renderer → navy → {tmp_path}/out.mp4 (H.264)"
    )
    assert total == COUNT
    assert counts == list(range(1, COUNT + 1))


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory from /proc")
def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    size = Size(320, 240)
    images = [person(index, size) for index in range(40)] * 20
    path = write_clip(tmp_path / "a.mp4", images, languages=("eng", "fra"))
    resident: list[int] = []
    matte(path, tmp_path / "out.mp4", on_progress=lambda _frames: resident.append(resident_bytes()))
    assert len(resident) == 800
    # 26 of 800 pictures; to keep one in ten would be seen.
    assert max(resident[-50:]) - max(resident[150:200]) < 6_000_000


def test_frames_without_a_usable_matte_show_the_background_and_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Doubted)
    job = matte(talk(tmp_path), tmp_path / "out.mp4", background=solid("#204060"))
    made = read_clip(tmp_path / "out.mp4")
    assert (job.frames, len(made.images)) == (COUNT, COUNT)
    for index, image in enumerate(made.images):
        is_plain = bool(np.ptp(image, axis=(0, 1)).max() < 30)
        assert is_plain == (index in Doubted.FRAMES)
    (remark,) = (each for each in job.remarks if "usable matte" in each)
    assert remark.startswith("4 frames show the background alone, without a usable matte: ")
    assert remark.count("(the matte is noise)") == 2
    assert not any("usable" in each for each in VideoJob(talk(tmp_path), "other.mp4").remarks)


def test_a_frame_without_a_usable_matte_ends_the_job_if_that_is_wished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Doubted)
    path = talk(tmp_path)
    with pytest.raises(MatteError, match=r"frame 3 at 0\.\d+ s: the matte is noise") as caught:
        matte(path, tmp_path / "out.mp4", fail_on_bad_matte=True)
    assert "--weights" in caught.value.remedy
    assert not (tmp_path / "out.mp4").exists()
