"""Any words after `livematte`: one or two lines and an exit code, never a traceback."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import pytest
from hypothesis import strategies as st
from typer.testing import CliRunner

from livematte.cli.app import _with_optional_values, app
from livematte.cli.terminal import parse_matte_size, parse_size
from livematte.errors import UsageError
from livematte.network.size import SHORT_SIDES
from livematte.photos.job import PhotoJob, Report
from livematte.pipeline.pipeline import Pipeline
from tests.properties.cases import cases
from tests.video.clips import person, write_clip

CODES = {0, 1, 2, 130}


@pytest.fixture(scope="module", autouse=True)
def _stopped_before_the_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Everything is parsed, checked and made as ever; only what then runs for long does not."""
    folder = tmp_path_factory.mktemp("folder")
    (folder / "photo.jpg").write_bytes(cv2.imencode(".jpg", person(0))[1].tobytes())
    write_clip(folder / "clip.mp4", [person(0)])
    (folder / "text.onnx").write_text("no weights")
    (folder / "photos").mkdir()

    def skip(self: PhotoJob, _on_done: object) -> Report:
        return Report(0, 0, [], len(self._photos), [], None)

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("DISPLAY", raising=False)
        patch.setattr(Pipeline, "run", lambda _self: None)
        patch.setattr(PhotoJob, "run", skip)
        yield


# What a shell can hand over: no NUL. Slashes lead out of the folder.
ANY_WORD = st.text(st.characters(exclude_characters="\0/\\", codec="utf-8"), max_size=12)
MARKUP = st.sampled_from(
    ["[/]", "[bold]", "[/red]", "a\\", "[link=x]", "\x1b[31m", "{}", "%s", ":smile:"]
)
NUMBERS = st.one_of(
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        ["-0", "1e999", "nan", "inf", "٣", "²", "0x10", "1_0", " 5 ", "9" * 5_000, "+3"]
    ),
)
NAMES = st.sampled_from(
    [
        "photo.jpg",
        "clip.mp4",
        "text.onnx",
        "photos",
        "none.mp4",
        "",
        ".",
        "..",
        "*",
        "[",
        "**",
        "a" * 300,
        "~nobody",
        "-",
        "--",
        "/dev/null",
        "con",
        "photo.jpg.",
        "none",
    ]
)
DEVICES = st.sampled_from(
    [
        "auto",
        "cpu",
        "cuda",
        "cuda:",
        "cuda:99999999999999999999",
        "openvino:",
        "openvino:GPU",
        "torch:cpu",
    ]
)
SIZES = st.builds(
    lambda width, by, height: f"{width}{by}{height}", NUMBERS, st.sampled_from("xX*,"), NUMBERS
)
BACKGROUNDS = st.sampled_from(
    ["blur", "blur:20", "blur:nan", "transparent", "green", "#12", "#1e90ff"]
)
CHOICES = st.sampled_from(
    [
        "alpha",
        "cutout",
        "alpha,cutout",
        "skip",
        "{stem}_{save}",
        "12G",
        "composite",
        "comparison",
        "foreground",
        "png",
        "webp",
        "jpg",
        "fast",
        "best",
        "balanced",
        "int8",
        "fp32",
        "fp16",
        "steady",
        "edges",
        "webcam",
        "photographic",
    ]
)
TIMES = NUMBERS | st.sampled_from(
    ["1:05", "00:00:01.5", "1m5s", "5s", "1:75", "1h", "-1", "250ms", "1,5", ":", "s"]
)
OUTPUTS = st.sampled_from(
    [
        "out.mp4",
        "out.mov",
        "out.webm",
        "out.png",
        "o%d.png",
        "o%099999999d.png",
        "o%.png",
        "photos",
        "x/",
        "o_{save}.mp4",
        "{save}",
        "-",
        "none",
    ]
)
VALUES = st.one_of(ANY_WORD, MARKUP, NUMBERS, NAMES, DEVICES, SIZES, BACKGROUNDS, CHOICES, OUTPUTS)

RUN = (
    *("--camera", "--input", "--size", "--fps", "--frames", "--background", "-b", "--output", "-o"),
    *("--virtual-camera", "--quality", "--without", "--edge", "--light-wrap", "--device"),
    *("--matte-size", "--precision", "--threads", "--weights"),
)
RUN_FLAGS = (
    *("--demo", "--no-realtime", "--no-preview", "--debug", "--no-demo", "--realtime"),
    *("--no-debug", "--no-frames", "--no-virtual-camera", "--no-config", "--no-background"),
)
IMAGE = (
    *("--save", "--output", "--zip", "--background", "--format", "--device", "--matte-size"),
    *("--precision", "--threads", "--weights", "--name", "--max-memory", "--on-bad-matte", "-o"),
)
IMAGE_FLAGS = (
    *("--recursive", "-r", "--overwrite", "--show", "--skip-existing", "--keep-metadata"),
)
VIDEO = (
    *("--output", "-o", "--save", "--background", "--start", "--end", "--quality", "--edge"),
    *(
        "--matte-quality",
        "--encode-quality",
        "--without",
        "--light-wrap",
        "--device",
        "--matte-size",
        "--precision",
    ),
    *("--threads", "--weights"),
)
FITTING = {
    "--size": SIZES,
    "--fps": NUMBERS,
    "--frames": NUMBERS,
    "--edge": NUMBERS,
    "--light-wrap": NUMBERS,
    "--matte-size": NUMBERS,
    "--threads": NUMBERS,
    "--start": TIMES,
    "--end": TIMES,
    "--encode-quality": NUMBERS,
    "--save": st.lists(CHOICES, max_size=3).map(",".join),
    "--camera": NUMBERS,
    "--device": DEVICES,
    "--background": BACKGROUNDS | NAMES,
    "-b": BACKGROUNDS | NAMES,
    "--output": OUTPUTS,
    "-o": OUTPUTS,
    "--input": NAMES,
    "--weights": NAMES,
}


def words(options: tuple[str, ...], flags: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    """Some of the options, mostly with values of their kind, and a few stray words."""

    def with_value(option: str) -> st.SearchStrategy[list[str]]:
        fitting = FITTING.get(option, CHOICES)
        return st.one_of(fitting, fitting, VALUES).map(lambda value: [option, value])

    one = st.sampled_from(options).flatmap(with_value)
    flag = st.sampled_from(flags).map(lambda each: [each])
    stray = VALUES.map(lambda each: [each])
    many = st.lists(st.one_of(one, one, one, flag, flag, stray), max_size=6)
    return many.map(lambda parts: [word for part in parts for word in part])


def run(*arguments: str) -> None:
    """Run the command and see how it ends."""
    result = CliRunner().invoke(app, _with_optional_values(arguments), prog_name="livematte")
    said = result.output + result.stderr
    error = result.exception
    assert error is None or isinstance(error, SystemExit), (arguments, repr(error))
    assert result.exit_code in CODES, (arguments, said)
    assert "Unexpected" not in said, (arguments, said)
    if "--debug" not in arguments:
        assert "Traceback" not in said, (arguments, said)
    assert said or result.exit_code == 0


@cases(350, arguments=words(RUN, RUN_FLAGS))
def test_livematte(arguments: list[str]) -> None:
    run("--no-preview", *arguments)


@cases(200, arguments=words(IMAGE, IMAGE_FLAGS), paths=st.lists(NAMES | ANY_WORD, max_size=2))
def test_image(arguments: list[str], paths: list[str]) -> None:
    run("image", *paths, *arguments)


@cases(200, arguments=words(VIDEO, ("--overwrite",)), path=NAMES | ANY_WORD)
def test_video(arguments: list[str], path: str) -> None:
    run("video", path, "-o", "out.mkv", *arguments)


@cases(
    100,
    command=st.sampled_from(["convert", "quantize", "pull", "push"]),
    arguments=words(("--output", "-o", "--calibrate", "--check"), ("--calibrate=photos",)),
    name=NAMES | ANY_WORD,
)
def test_weights(command: str, arguments: list[str], name: str) -> None:
    if command == "pull" and name == "webcam":
        return
    run("weights", command, name, *arguments)


@cases(100, arguments=st.lists(VALUES, max_size=4))
def test_what_is_no_option_at_all(arguments: list[str]) -> None:
    run("--no-preview", *arguments)


@cases(200, text=SIZES | ANY_WORD)
def test_sizes(text: str) -> None:
    try:
        size = parse_size(text)
    except UsageError:
        return
    assert min(size) >= 1
    assert max(size) <= 8192


@cases(200, text=NUMBERS | ANY_WORD | st.integers(200, 1100).map(str))
def test_matte_sizes(text: str) -> None:
    try:
        short_side = parse_matte_size(text)
    except UsageError:
        return
    assert short_side is None or short_side in SHORT_SIDES


def test_right_words_do_start() -> None:
    """What the properties rely on: with right words everything is made, and run."""
    started = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pipeline, "run", lambda self: started.append(self))
        run("--demo", "--no-preview", "-o", "out.mp4")
        run("video", "clip.mp4", "-o", "out.mp4")
    assert len(started) == 2
