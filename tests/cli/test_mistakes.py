"""What people mistype: each is told in two lines what was meant, ready to be copied."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from livematte.cli.meant import is_photo, is_video
from livematte.cli.options import PARTS, QUALITIES
from livematte.cli.times import parse_time
from livematte.cli.video import SAVES
from livematte.errors import UsageError
from livematte.media.endings import GIF, PHOTO_ENDINGS, VIDEO_ENDINGS
from livematte.options.refinement import PARTS as ALL_PARTS
from livematte.options.refinement import QUALITIES as ALL_QUALITIES
from livematte.video import Save
from tests.cli.runs import livematte
from tests.video.clips import person, write_clip


@pytest.fixture(scope="module", autouse=True)
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("folder")
    for name in ("clip.mp4", "my clip.mp4", "it's.mov"):
        write_clip(folder / name, [person(0)])
    (folder / "photos").mkdir()
    for name in ("photo.jpg", "beach.png", "photos/a.jpg"):
        cv2.imwrite(str(folder / name), person(0))
    shutil.copy(folder / "photo.jpg", folder / "really-a-photo.mp4")
    (folder / "settings.toml").write_text("quality = 'best'\n[profiles.talk]\nfps = 25\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("DISPLAY", raising=False)
        yield


NEXT = "Did you mean: livematte "

MISTAKES: dict[str, tuple[str, int, str, str]] = {
    # what was typed, the exit code, what is wrong, what to do
    "a video": (
        "clip.mp4",
        2,
        "'clip.mp4' is not a command",
        f"{NEXT}video clip.mp4 -o clip-matted.mp4",
    ),
    "a video with options": (
        *("-b blur clip.mp4 -o x.mp4", 2, "is not a command"),
        f"{NEXT}video clip.mp4 -b blur -o x.mp4",
    ),
    "a video with spaces": (
        *("'my clip.mp4'", 2, "is not a command"),
        f"{NEXT}video 'my clip.mp4' -o 'my clip-matted.mp4'",
    ),
    "a video with an apostrophe": (
        *('"it\'s.mov"', 2, "is not a command"),
        f"""{NEXT}video 'it'"'"'s.mov' -o 'it'"'"'s-matted.mov'""",
    ),
    "a video mistyped": (
        "clpi.mp4",
        2,
        "is not a command",
        f"{NEXT}video clip.mp4 -o clip-matted.mp4",
    ),
    "a photo": ("photo.jpg", 2, "is not a command", f"{NEXT}image photo.jpg"),
    "a photo with options": (
        "photo.jpg --save cutout",
        2,
        "",
        f"{NEXT}image photo.jpg --save cutout",
    ),
    "a folder": ("photos", 2, "is not a command", f"{NEXT}image photos"),
    "a camera's number": ("0", 2, "is not a command", f"{NEXT}--camera 0"),
    "a camera's device": ("/dev/video2 -b blur", 2, "", f"{NEXT}--camera /dev/video2 -b blur"),
    "a camera's address": ("rtsp://a/b", 2, "", f"{NEXT}--camera rtsp://a/b"),
    "settings": ("settings.toml", 2, "", f"{NEXT}--config settings.toml"),
    "a colour": ("navy", 2, "", f"{NEXT}--background navy"),
    "blur": ("blur:40", 2, "", f"{NEXT}--background blur:40"),
    "an option without dashes": ("demo", 2, "", f"{NEXT}--demo"),
    "help without dashes": ("help", 2, "", f"{NEXT}--help"),
    "a command": ("vidoe clip.mp4 -o a.mp4", 2, "'vidoe'", f"{NEXT}video clip.mp4 -o a.mp4"),
    "a command in capitals": ("DOCTOR", 2, "'DOCTOR'", f"{NEXT}doctor"),
    "a command in a command": ("bench qualty photos", 2, "'qualty'", f"{NEXT}bench quality photos"),
    "nothing like a command": ("xyzzy", 2, "'xyzzy' is not a command", "Choose from image, video"),
    "no command": ("weights", 2, "weights needs a command", "convert, quantize, pull"),
    "image of a video": ("image clip.mp4", 2, "is a video", "Use: livematte video clip.mp4 -o"),
    "image mistyped": ("image foto.jpg", 1, "no such file: foto.jpg", f"{NEXT}image photo.jpg"),
    "video of a photo": (
        "video photo.jpg -o a.mp4",
        2,
        "is a photo",
        "Use: livematte image photo.jpg",
    ),
    "video of a photo that is called otherwise": (
        "video really-a-photo.mp4 -o a.mp4",
        2,
        "is a photo",
        "Use: livematte image really-a-photo.mp4",
    ),
    "live of the standard input": (
        "--input - --no-preview -o a.mp4",
        1,
        "does not read the standard input",
        "Use: livematte video - -o",
    ),
    "video of a folder": ("video photos -o a.mp4", 2, "is a folder", "livematte image photos"),
    "video mistyped": (
        "video clpi.mp4 -o a.mp4",
        1,
        "clpi.mp4 cannot be read: there is no such file",
        "Did you mean clip.mp4?",
    ),
    "video of nothing near": (
        "video zzz.avi -o a.mp4",
        1,
        "zzz.avi cannot be read",
        "Check the name",
    ),
    "video without an output": (
        *("video 'my clip.mp4' -b blur", 2, "video needs -o/--output"),
        "Try: livematte video 'my clip.mp4' -b blur -o 'my clip-matted.mp4'",
    ),
    "video without anything": ("video", 2, "video needs INPUT", "Try: livematte video talk.mp4 -o"),
    "a name with spaces": ("video my clip.mp4 -o a.mp4", 2, "cannot use", "spaces: 'my clip.mp4'"),
    "two videos": (
        "video clip.mp4 photo.jpg -o a.mp4",
        2,
        "cannot use 'photo.jpg'",
        "one at a time",
    ),
    "input of a photo": (
        "--input photo.jpg --no-preview -o a.mp4",
        2,
        "is a photo",
        "livematte image",
    ),
    "input mistyped": (
        "--input clp.mp4 --no-preview -o a.mp4",
        1,
        "no such file",
        "Did you mean clip.mp4?",
    ),
    "an option": ("--quallity best", 2, "--quallity is not an option", "Did you mean --quality?"),
    "an option of another": (
        "--start 5",
        2,
        "--start is not an option",
        "It is an option of: livematte video",
    ),
    "an option of live": (
        *("video clip.mp4 -o a.mp4 --virtual-camera", 2, "not an option of livematte video"),
        "It is an option of livematte, not of this command.",
    ),
    "a choice": ("--demo --quality bset", 2, "Quality 'bset'", "Did you mean best?"),
    "a choice of several": (
        "video clip.mp4 -o a/ --save alpha,cutuot",
        2,
        "--save cutuot is not known",
        "Did you mean cutout?",
    ),
    "a part": ("--demo --without edgse", 2, "--without edgse is not known", "Did you mean edges?"),
    "a device": ("--demo --device cpuu", 2, "Device 'cpuu' is not known", "Did you mean cpu?"),
    "a precision": (
        "--demo --precision int16",
        2,
        "--precision int16 is not known",
        "Choose from auto, fp32, int8, fp16",
    ),
    "a file as background": ("--demo -b beech.png", 2, "'beech.png'", "Did you mean 'beach.png'?"),
    "a colour as background": ("--demo -b nvay", 2, "'nvay'", "Did you mean 'navy'?"),
    "three digits": ("--demo -b f00", 2, "'f00'", "Did you mean '#f00'? Quote it"),
    "too few digits": ("--demo -b '#1e90f'", 2, "'#1e90f'", "# and six digits"),
    "a comment for the shell": (
        "--demo -b",
        2,
        "-b has no value",
        "quote the colour, -b '#1e90ff'",
    ),
    "the same, long": ("--demo --background", 2, "--background has no value", "leave out the #"),
    "a value left out": ("-b --demo", 2, "-b has no value before --demo", "The shell takes #"),
    "another left out": (
        "video clip.mp4 -o --save alpha",
        2,
        "-o has no value before --save",
        "Give one",
    ),
    "a profile": (
        "--config settings.toml --profile tlk",
        2,
        "'tlk' (found: talk)",
        "Did you mean talk?",
    ),
    "settings mistyped": (
        "--config setings.toml",
        2,
        "no settings file",
        "Did you mean settings.toml?",
    ),
    "a number": ("--demo --fps fast", 2, "--fps: 'fast' is not a number from 1 to 1000", "--help"),
    "a number with =": ("--demo --threads=0", 2, "'0' is not a whole number from 1 to 1024", ""),
    "the old --quality": (
        *("video clip.mp4 -o a.mp4 --quality 80", 2, "'80'"),
        "write --encode-quality 80",
    ),
    "an encoder's quality": (
        "video clip.mp4 -o a.mp4 --encode-quality best",
        2,
        "'best' is not a whole",
        "",
    ),
    "a time": ("video clip.mp4 -o a.mp4 --start 1:75", 2, "'1:75' is not a time", "1m5s"),
    "a time with a comma": ("video clip.mp4 -o a.mp4 --end 1,5", 2, "'1,5'", "Did you mean 1.5?"),
    "a time beyond the end": (
        "video clip.mp4 -o a.mp4 --start 1:00",
        2,
        "no picture in the requested time",
        "seconds long",
    ),
    "an end before the start": (
        "video clip.mp4 -o a.mp4 --start 5 --end 1s",
        2,
        "is not after the start at 5",
        "",
    ),
    "several to one stream": (
        "video clip.mp4 -o - --save alpha,cutout",
        2,
        "one video",
        "a folder",
    ),
    "several to PNGs": (
        "video clip.mp4 -o %d.png --save alpha,cutout",
        2,
        "several",
        "{save}-%05d.png",
    ),
    "a cut-out of a blurred room": (
        *("video clip.mp4 -o x/ -b blur --save cutout,composite", 2, "blurred room"),
        "one by one",
    ),
}


@pytest.mark.parametrize(("typed", "code", "wrong", "remedy"), MISTAKES.values(), ids=MISTAKES)
def test_what_was_meant_is_said(typed: str, code: int, wrong: str, remedy: str) -> None:
    before = sorted(Path().rglob("*"))
    ended = livematte(*shlex.split(typed))
    assert ended.code == code, ended.said
    assert wrong in ended.said
    assert remedy in ended.said
    assert len(ended.said.splitlines()) <= 3, ended.said
    assert "Traceback" not in ended.said
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("65.5", 65.5), ("0", 0), (".5", 0.5), ("65s", 65), ("65.5S", 65.5), ("1:05", 65),
        ("01:05.25", 65.25), ("00:01:05.5", 65.5), ("1:00:00", 3600), ("90:00", 5400),
        ("1m5s", 65), ("1m 5s", 65), ("1h2m3.5s", 3723.5), ("2h", 7200), ("1.5m", 90),
        ("5min", 300), ("250ms", 0.25), (" 7 ", 7), ("1s500ms", 1.5),
    ],
)  # fmt: skip
def test_times(text: str, seconds: float) -> None:
    assert parse_time(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ":",
        "1:",
        ":5",
        "1:60",
        "1:2:3:4",
        "1:75:00",
        "5x",
        "s",
        "m5",
        "5s1m",
        "-1",
        "1e3",
        "nan",
        "inf",
        "٣",
        "1_0",
        "0x10",
        "1;05",
        "1:05s",
        "--5",
        "1..5",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError):
        parse_time(text)


def test_the_words_are_those_that_there_are() -> None:
    """They are written down twice, since what knows them is slow to load."""
    assert tuple(ALL_QUALITIES) == QUALITIES
    assert ALL_PARTS == PARTS
    assert tuple(each.value for each in Save) == SAVES
    assert all(map(is_photo, (f"a{ending}" for ending in PHOTO_ENDINGS - {".gif"})))
    assert all(map(is_video, (f"a{ending.upper()}" for ending in VIDEO_ENDINGS | GIF)))
