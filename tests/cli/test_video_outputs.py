"""`livematte video`: several outputs in one pass, the standard streams, and parts of a video."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from livematte.background import Transparent
from livematte.backgrounds.solid import solid
from livematte.frame import Frame, Image, Rendered, Size
from livematte.matting.composite import Compositor
from livematte.options.rendering import RenderOptions
from livematte.render.renderer import OpenedRenderer
from livematte.sinks import ImageFolder
from livematte.sources import VideoFile
from livematte.video.save import Composited
from tests.cli.runs import livematte
from tests.small_disk import small_disk
from tests.video.clips import person, write_clip
from tests.video.test_job import BlueIsAlpha

COUNT = 12
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clip, and a renderer that needs no network."""

    def open_fake(options: RenderOptions, frame_size: Size, *_: Any) -> OpenedRenderer:
        return OpenedRenderer(BlueIsAlpha(frame_size, options.refinement), "")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("livematte.video.job.open_renderer", open_fake)
    write_clip(tmp_path / "talk.mp4", [soft(index) for index in range(COUNT)], languages=("eng",))


def soft(index: int) -> Image:
    """A person whose blue, which is taken for the matte, has every level."""
    image = person(index)
    image[..., 0] = np.linspace(0, 255, image.shape[1], dtype=np.uint8)
    return image


def pictures(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [
            np.asarray(
                frame.to_ndarray(format="bgra" if "yuva" in frame.format.name else "bgr24"),
                np.uint8,
            )
            for frame in container.decode(video=0)
        ]


ALL = ("alpha", "foreground", "cutout", "composite")


@pytest.mark.parametrize("quality", ["fast", "balanced"])
def test_several_are_what_one_by_one_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quality: str
) -> None:
    opened: list[Path] = []
    enter = VideoFile.__enter__

    def count(file: VideoFile) -> VideoFile:
        opened.append(file.path)
        return enter(file)

    monkeypatch.setattr(VideoFile, "__enter__", count)
    wishes = ("-b", "navy", "--quality", quality)
    ended = livematte(
        *("video", "talk.mp4", "-o", "all/", *wishes),
        *("--save", "alpha,foreground", "--save", "cutout", "--save", "composite"),
    )
    assert ended.code == 0, ended.said
    assert len(opened) == 1
    made = {path.name: path for path in (tmp_path / "all").iterdir()}
    assert sorted(made) == [
        *("talk_alpha.mp4", "talk_composite.mp4", "talk_cutout.mov", "talk_foreground.mp4"),
    ]
    for kind in ALL:
        (together,) = (path for name, path in made.items() if kind in name)
        alone = tmp_path / f"{kind}{together.suffix}"
        behind = wishes if kind == "composite" else wishes[2:]
        assert livematte("video", "talk.mp4", "-o", alone.name, "--save", kind, *behind).code == 0
        ours, theirs = np.stack(pictures(together)), np.stack(pictures(alone))
        assert len(ours) == COUNT
        if kind == "composite" and quality == "fast":
            continue  # there the room's colour stays in soft edges; together with others it goes
        difference = np.abs(ours.astype(int) - theirs)
        if kind == "composite":  # one level before they are encoded
            assert difference.mean() < 1
        else:
            assert difference.max() == 0, kind


@pytest.mark.parametrize("light_wrap", [0.0, 0.5])
def test_a_composite_of_a_cut_out_is_that_of_the_frame(light_wrap: float) -> None:
    size, navy = Size(96, 64), solid("navy")
    frame = Frame(soft(3), 0, 0.0, 0.0)
    alpha = np.ascontiguousarray(frame.image[..., 0])
    shape = frame.image.shape
    direct, person = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    compositor = Compositor(size, colours=True, light_wrap=light_wrap)
    compositor.compose(frame, alpha, navy, direct)
    compositor.compose(frame, alpha, Transparent(), person)
    sink = Kept()
    composited = Composited(sink, navy, light_wrap, print)
    composited.open(size, Fraction(30))
    composited.send(Rendered(person, alpha, 0, 0.0, 0.0, transparent=True))
    composited.close()
    assert np.abs(direct.astype(int) - sink.images[0]).max() <= 1


class Kept(ImageFolder):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(Path("%d.png"))
        self.images: list[Image] = []

    def open(self, size: Size, frames_per_second: Fraction) -> None:
        pass

    def send(self, picture: Rendered) -> None:
        assert not picture.transparent
        self.images.append(picture.image.copy())


NAMES = [
    ("results/", "alpha,cutout", ["results/talk_alpha.mp4", "results/talk_cutout.mov"]),
    ("results", "cutout,alpha,alpha", ["results/talk_alpha.mp4", "results/talk_cutout.mov"]),
    ("here", "alpha,composite", ["here/talk_alpha.mp4", "here/talk_composite.mp4"]),
    ("new.webm", "alpha,cutout", ["new_alpha.webm", "new_cutout.webm"]),
    ("new.mkv", "alpha,cutout", ["new_alpha.mkv", "new_cutout.mov"]),
    ("{save} of talk.mov", "alpha,cutout", ["alpha of talk.mov", "cutout of talk.mov"]),
    ("a.b_{save}.MP4", "alpha,foreground", ["a.b_alpha.MP4", "a.b_foreground.MP4"]),
    ("only_{save}.mp4", "alpha", ["only_alpha.mp4"]),
    ("{save}-%d.png", "alpha,cutout", ["alpha-0.png", "alpha-1.png", "cutout-0.png"]),
    ("png-{save}/", "alpha,cutout", ["png-alpha/000000.png", "png-cutout/000000.png"]),
]


@pytest.mark.parametrize(("output", "save", "expected"), NAMES)
def test_names(tmp_path: Path, output: str, save: str, expected: list[str]) -> None:
    (tmp_path / "here").mkdir()
    ended = livematte("video", "talk.mp4", "-o", output, "--save", save, "--end", "0.1")
    assert ended.code == 0, ended.said
    made = {str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file()}
    made -= {"talk.mp4"}
    assert made >= set(expected)
    assert made == set(expected) or "png" in output
    for name in expected:
        assert len(pictures(tmp_path / name)) == (1 if name.endswith(".png") else 3)
    again = livematte("video", "talk.mp4", "-o", output, "--save", save, "--end", "0.1")
    assert again.code == 2, again.said
    assert "already" in again.said
    assert livematte(
        *("video", "talk.mp4", "-o", output, "--save", save, "--end", "0.1", "--overwrite")
    ).code in (0,)


def test_a_full_disk_keeps_what_the_others_have(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (180, 320, 3), np.uint8) for _ in range(40)]
    write_clip(tmp_path / "noise.mp4", noise, options={"crf": "10"})
    (tmp_path / "x").mkdir()
    with small_disk(tmp_path / "x" / "alpha", "200k"):
        ended = livematte(
            *("video", "noise.mp4", "-o", "x/{save}/talk.mp4", "--save", "alpha,foreground")
        )
        assert ended.code == 1, ended.said
        assert "x/alpha/talk.mp4 cannot be written: No space left" in ended.said
        assert "x/foreground/talk (incomplete).mp4" in ended.said
    assert (
        "cannot be made"
        in livematte(
            *("video", "talk.mp4", "-o", "y/{save}/a.mp4", "--save", "alpha,foreground")
        ).said
    )
    kept = tmp_path / "x" / "foreground" / "talk (incomplete).mp4"
    assert len(pictures(kept)) >= 1
    assert not (tmp_path / "x" / "foreground" / "talk.mp4").exists()


# --- a part


@pytest.fixture(scope="module", params=[Fraction(25), Fraction(30_000, 1001), Fraction(24)])
def steady(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds at a rate, with sound."""
    path = tmp_path_factory.mktemp("clips") / "steady.mp4"
    rate: Fraction = request.param
    count = round(2 * rate)
    ticks = [index * 1000 // 1 for index in range(count)]
    return write_clip(
        path,
        [soft(index) for index in range(count)],
        ticks=ticks,
        tick_seconds=1 / rate / 1000,
        languages=("eng",),
        sound_seconds=2.0,
    )


PARTS = [
    (), ("--start", "0.5"), ("--start", "0.51", "--end", "1.9s"), ("--start", "0:00.77"),
    ("--start", "0.33", "--end", "1.02"), ("--end", "00:00:01.27"),
]  # fmt: skip


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_a_part_begins_at_0_and_has_the_rate(tmp_path: Path, steady: Path, ending: str) -> None:
    with av.open(str(steady)) as container:
        rate = container.streams.video[0].average_rate
        assert rate is not None
        times = [float(frame.time or 0) for frame in container.decode(video=0)]
    for number, part in enumerate(PARTS):
        output = tmp_path / f"{number}{ending}"
        ended = livematte("video", str(steady), "-o", str(output), "--save", "alpha", *part)
        assert ended.code == 0, ended.said
        with av.open(str(output)) as container:
            stream = container.streams.video[0]
            assert stream.average_rate is not None
            assert float(stream.average_rate) == pytest.approx(float(rate), rel=6e-3), part
            made = [float(frame.time or 0) for frame in container.decode(video=0)]
        assert made[0] == 0, part
        first = next(each for each in times if each >= seconds_of(part, "--start", 0) - 1e-6)
        wanted = [each for each in times if first <= each < seconds_of(part, "--end", 9) - 1e-6]
        assert made == pytest.approx([each - first for each in wanted], abs=1.1e-3), part


def seconds_of(part: tuple[str, ...], option: str, otherwise: float) -> float:
    if option not in part:
        return otherwise
    return float(part[part.index(option) + 1].split(":")[-1].rstrip("s"))


# --- standard streams, in processes of their own


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return write_clip(path, [person(index) for index in range(30)], languages=("eng",))


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash with `livematte` in it; its exit code is that of livematte."""
    program = shlex.join([sys.executable, "-m", "livematte"])
    return subprocess.run(
        ["bash", "-c", f'livematte() {{ {program} "$@"; }}\nset -o pipefail\n{command}'],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        timeout=90,
    )


QUICK = "--matte-size 224"


@pytest.mark.skipif(sys.platform == "win32", reason="it takes bash")
def test_the_standard_output_is_the_video_and_nothing_else(film: Path, tmp_path: Path) -> None:
    ran = shell(f"livematte video {film} -o - {QUICK} > out.mkv", tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == b""
    assert b"standard output (H.264)" in ran.stderr
    assert b"30 frames in the standard output" in ran.stderr
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.format.name == "matroska,webm"
        assert len(container.streams.audio) == 1
        assert container.streams.video[0].average_rate == 30
    assert len(pictures(tmp_path / "out.mkv")) == 30
    assert [each.name for each in tmp_path.iterdir() if each.name != "talk.mp4"] == ["out.mkv"]


@pytest.mark.skipif(sys.platform == "win32", reason="it takes bash")
def test_a_pipe_through_two_of_them(film: Path, tmp_path: Path) -> None:
    ran = shell(
        f"livematte video - -o - {QUICK} --save cutout --end 0.2 < {film} |"
        f" livematte video - -o out.mp4 {QUICK}",
        tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    assert b"stdin" in ran.stderr
    assert len(pictures(tmp_path / "out.mp4")) == 6


@pytest.mark.skipif(sys.platform == "win32", reason="it takes bash")
def test_a_reader_that_has_seen_enough(film: Path, tmp_path: Path) -> None:
    """Quietly, as other programs do."""
    ran = shell(f"livematte video {film} -o - {QUICK} | head -c 3000 | wc -c", tmp_path)
    assert ran.returncode == 1
    assert ran.stdout.split() == [b"3000"]
    for word in (b"Traceback", b"cannot", b"ended", b"rror"):
        assert word not in ran.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="it takes bash")
@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("livematte video - -o out.mp4 < /dev/null", 1, b"standard input is empty"),
        (
            "echo text | livematte video - -o out.mp4",
            1,
            b"The standard input cannot be read as a video",
        ),
        ("livematte video {film} -o - > /dev/full", 1, b"standard output cannot be written"),
        (
            "ffmpeg -v error -i {film} -frames:v 1 -f mjpeg - | livematte video - -o out.mp4",
            2,
            b"The standard input is a photo.",
        ),
    ],
)
def test_streams_that_do_not_do(
    film: Path, tmp_path: Path, command: str, code: int, said: bytes
) -> None:
    ran = shell(command.format(film=film), tmp_path)
    assert ran.returncode == code
    assert said in ran.stderr, ran.stderr
    assert b"Traceback" not in ran.stderr
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals to send")
def test_ctrl_c_ends_all_outputs_in_good_order(tmp_path: Path) -> None:
    write_clip(tmp_path / "long.mp4", [person(0, Size(640, 360))] * 300)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "livematte", "video", "long.mp4", "-o", "x/"),
            *("--save", "alpha,foreground", "--quality", "best"),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    )
    for _ in wait():
        if any(each.stat().st_size > 1000 for each in tmp_path.glob("x/.*alpha*.part.mp4")):
            break
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    counts = {
        len(pictures(tmp_path / "x" / f"long_{each}.mp4")) for each in ("alpha", "foreground")
    }
    assert len(counts) == 1
    assert 0 < counts.pop() < 300


def wait() -> Iterator[None]:
    deadline_seconds = time.monotonic() + 30
    while time.monotonic() < deadline_seconds:
        yield
        time.sleep(0.05)
    pytest.fail("it took too long")
