"""Files, links, names and settings of every kind: a sentence or results, and nothing else changes.

Each case makes a folder with files in it and runs a command there, with the network alone not real.
Whatever the command says, what was there is there as it was, but for results that were to be
replaced; and there is nothing new but what was asked for.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pillow

from livematte.backgrounds.parse import parse
from livematte.frame import Image, Size
from livematte.matter import Matter
from livematte.media.photo.read import Photo
from livematte.photos.save import Save, encode, matted
from livematte.pipeline.pipeline import Pipeline
from livematte.render.fake import FakeRenderer
from livematte.render.renderer import OpenedRenderer
from tests.cli.runs import livematte
from tests.properties.cases import cases
from tests.properties.damage import Files
from tests.video.clips import person, write_clip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")

PHOTO_SIZE: Final = Size(48, 36)

STEMS: Final = (
    *("photo", "a b", " ", "trailing ", "dots...", ".hidden", "..", "-", "-o", "--save", "-dash"),
    *("a:b", "concat:a|b", "file:x", "http:", "pipe:1", "blur:40", "green", "a@navy", "@red"),
    *("[x]", "[a-z]", "a*", "q?", "{stem}", "{save}", "{", "%d", "100%", "%s", "#f", "$(x)", "~"),
    *("~root", "new\nline", "tab\t", "\x1b[31m", ":smile:", "[red]", "a\\b", "it's", 'say "x"'),
    *("CON", "none", "alpha", "日本語", "e\u0301", "é", "٣", "\u202egnp", "\udcff\udcfe", "🙂"),
    *("L" * 251, "é" * 125),
)
ENDINGS: Final = (".jpg", ".png", ".JPG", ".mp4", ".mkv", ".mov", ".gif", ".zip", ".toml", "")
KINDS: Final = (
    *("photo", "photo", "png", "clip", "clip", "text", "nothing", "result", "folder"),
    *("link", "link", "other name", "dangling", "loop"),
)


class Entry(NamedTuple):
    """A file, folder or link to be made.

    of: which of the entries before it a link or another name leads to, modulo their number.
    """

    name: str
    kind: str
    of: int


def names() -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from(STEMS), st.sampled_from(ENDINGS)).map("".join)


def worlds() -> st.SearchStrategy[list[Entry]]:
    entry = st.builds(Entry, names(), st.sampled_from(KINDS), st.integers(0, 5))
    return st.lists(entry, min_size=1, max_size=5, unique_by=lambda each: each.name.casefold())


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("contents")
    picture: Pillow.Image = Pillow.fromarray(person(0, PHOTO_SIZE)[..., ::-1])
    made = Files({"text": b"only a text\n", "nothing": b""})
    for kind, file_format in (("photo", "JPEG"), ("png", "PNG")):
        file = io.BytesIO()
        picture.save(file, file_format)
        made[kind] = file.getvalue()
    alpha = np.full((36, 48), 255, np.uint8)
    photo = Photo(np.asarray(picture), None, None)
    made["result"] = encode(matted(photo, alpha, {Save.ALPHA}), Save.ALPHA, "png", parse("navy"))
    write_clip(folder / "clip.mp4", [person(index) for index in range(3)])
    made["clip"] = (folder / "clip.mp4").read_bytes()
    return made


@pytest.fixture(scope="module", autouse=True)
def _without_a_network() -> Iterator[None]:
    def quick(_self: Matter, image: Image) -> Any:
        alpha: NDArray[np.float32] = np.zeros(image.shape[:2], np.float32)
        height, width = image.shape[:2]
        alpha[height // 4 :, width // 3 : 2 * width // 3 + 1] = 1
        return alpha

    def open_fake(_device: str, *, frame_size: Size, **_wishes: Any) -> OpenedRenderer:
        return OpenedRenderer(FakeRenderer(frame_size), "")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Matter, "load", lambda _self: "")
        patch.setattr(Matter, "matte", quick)
        patch.setattr("livematte.video.job.open_renderer", open_fake)
        patch.delenv("DISPLAY", raising=False)
        yield


@contextmanager
def made(world: Sequence[Entry], contents: dict[str, bytes]) -> Iterator[list[str]]:
    """A folder with all that could be made of a world, to work in; the names that are there."""
    before = Path.cwd()
    outer = Path(tempfile.mkdtemp())
    folder = outer / "inside"
    folder.mkdir()
    os.chdir(folder)
    there: list[str] = []
    try:
        for entry in world:
            try:
                _make(entry, there, contents)
            except (OSError, ValueError):  # it is there already, or is too long a name here
                continue
            there.append(entry.name)
        yield there
        assert [each.name for each in outer.iterdir()] == ["inside"]
    finally:
        os.chdir(before)
        shutil.rmtree(outer)


def _make(entry: Entry, there: Sequence[str], contents: dict[str, bytes]) -> None:
    target = there[entry.of % len(there)] if there else "nowhere"
    if entry.kind == "folder":
        os.mkdir(entry.name)
        Path(entry.name, "inner.jpg").write_bytes(contents["photo"])
        Path(entry.name, "notes.txt").write_bytes(b"mine")
    elif entry.kind == "link":
        os.symlink(target, entry.name)
    elif entry.kind == "other name":
        os.link(target, entry.name)
    elif entry.kind == "dangling":
        os.symlink("not there", entry.name)
    elif entry.kind == "loop":
        os.symlink(entry.name, entry.name)
    else:
        with open(entry.name, "xb") as file:
            file.write(contents[entry.kind])
        os.utime(entry.name, ns=(10**18, 10**18))


Found = dict[str, tuple[str, Any, int]]


def look() -> Found:
    """What is in this folder and those in it: of what kind, with what in it, and since when."""
    found: Found = {}
    for folder, folders, files in os.walk("."):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if os.path.islink(path):
                found[path] = "link", os.readlink(path), 0
            elif os.path.isdir(path):
                found[path] = "folder", None, 0
            else:
                content = hashlib.sha256(Path(path).read_bytes()).digest()
                found[path] = "file", content, status.st_mtime_ns
    return found


def run(words: Sequence[str], asked_for: Sequence[str], read: Sequence[str]) -> None:
    """Run a command and see that all is as it should be.

    asked_for: files and folders that may be new, with what is in them. read: files that are read.
    """
    before = look()
    stems = tuple(_stem(each) for each in asked_for)
    places = {os.path.realpath(each) for each in asked_for}
    kept = {os.path.realpath(each) for each in read}
    ended = livematte(*words)
    assert ended.code in (0, 1, 2), ended
    assert "Unexpected" not in ended.said, ended.said
    assert "Traceback" not in ended.said, ended.said
    assert ended.said or ended.code == 0
    after = look()
    is_asked = {
        path: any(_is_in(os.path.realpath(path), place) for place in places)
        or os.path.normpath(path).startswith(stems)
        for path in {**before, **after}
    }
    for path, was in before.items():
        if after.get(path) != was:
            assert path in after, (path, "is gone", words, ended.said)
            assert "--overwrite" in words, (path, "was replaced", words, ended.said)
            assert os.path.realpath(path) not in kept, (path, "was read", words, ended.said)
            assert is_asked[path], (path, "is no result", words, ended.said)
    new = after.keys() - before.keys()
    assert all(is_asked[each] for each in new), (new, words, ended.said)
    if ended.code == 0:
        hidden = [
            each for each in new if os.path.basename(each).startswith(".") and each != "./.hidden"
        ]
        assert not [each for each in hidden if ".part" in each], (hidden, words)


def _is_in(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip(os.sep) + os.sep)


def _stem(output: str) -> str:
    """What the names of a video's results begin with, for an output of that name."""
    text = os.path.normpath(output)
    for cut in ("{save}", "%"):
        text = text.partition(cut)[0]
    return os.path.splitext(text)[0] or os.path.dirname(text) or "\0"


def picks(*more: str) -> st.SearchStrategy[int | str]:
    """A name of the world, by its number, or one of these."""
    return st.integers(0, 4) | st.sampled_from(more)


def named(pick: int | str, there: Sequence[str]) -> str:
    if isinstance(pick, str):
        return pick
    return there[pick % len(there)] if there else "nowhere"


SAVES = st.lists(st.sampled_from(["alpha", "cutout", "composite", "comparison"]), max_size=2)
PATTERNS = st.sampled_from(
    [
        "{stem}",
        "{save}/{stem}",
        "{number:03}",
        "x",
        "{stem}_{save}.png",
        "../{stem}",
        "a\nb",
        "{stem} ",
    ]
)


@cases(
    60,
    world=worlds(),
    paths=st.lists(picks(".", "*", "*.jpg", "none.jpg", ".."), min_size=1, max_size=3),
    output=st.none() | picks("out", "out/", "new/sub", ".", "out.png", "out.webp", "out.mp4", "-"),
    zip_path=st.none() | st.none() | picks("all.zip", "out/all.zip", "."),
    saves=SAVES,
    pattern=st.none() | PATTERNS,
    background=st.none() | st.none() | picks("navy", "green", "none.png"),
    flags=st.lists(
        st.sampled_from(["--overwrite", "--skip-existing", "-r", "--keep-metadata"]), max_size=2
    ),
)
def test_photos(
    contents: dict[str, bytes],
    world: list[Entry],
    paths: list[int | str],
    output: int | str | None,
    zip_path: int | str | None,
    saves: list[str],
    pattern: str | None,
    background: int | str | None,
    flags: list[str],
) -> None:
    with made(world, contents) as there:
        inputs = [named(each, there) for each in paths if each != ".."]
        options: dict[str, str | None] = {
            "--output": None if output is None else named(output, there),
            "--zip": None if zip_path is None else named(zip_path, there),
            "--save": ",".join(saves) or None,
            "--name": pattern,
            "--background": None if background is None else named(background, there),
        }
        words = [f"{key}={value}" for key, value in options.items() if value is not None]
        asked_for = [each for key in ("--output", "--zip") if (each := options[key])]
        if not asked_for:
            asked_for = ["mattes"]
        read = [*inputs, *([options["--background"]] if options["--background"] else [])]
        run(["image", *words, *flags, "--", *inputs], asked_for, read)


@cases(
    40,
    world=worlds(),
    source=picks("none.mp4", "."),
    output=picks(
        *("out.mp4", "out.mkv", "out.mov", "frames/", "new/", "o_%d.png", "o_{save}.mkv", "-"),
        *("missing/out.mp4", "out", ""),
    ),
    saves=st.lists(
        st.sampled_from(["composite", "alpha", "foreground", "cutout"]), max_size=2, unique=True
    ),
    start=st.none() | st.sampled_from(["0", "0.05", "9", "1:00"]),
    background=st.none() | st.none() | picks("navy", "none.png"),
    flags=st.sampled_from([(), (), ("--overwrite",)]),
)
def test_videos(
    contents: dict[str, bytes],
    world: list[Entry],
    source: int | str,
    output: int | str,
    saves: list[str],
    start: str | None,
    background: int | str | None,
    flags: tuple[str, ...],
) -> None:
    with made(world, contents) as there:
        path, target = named(source, there), named(output, there)
        words = [f"--output={target}", *flags]
        words += [f"--save={','.join(saves)}"] * bool(saves)
        words += [] if start is None else [f"--start={start}"]
        behind = [] if background is None else [named(background, there)]
        words += [f"--background={each}" for each in behind]
        run(["video", *words, "--", path], [target], [path, *behind])


# --- settings

KEYS = st.sampled_from(
    [
        *("background", "output", "quality", "fps", "size", "frames", "no-preview", "demo"),
        *("virtual-camera", "save", "overwrite", "start", "name", "zip", "config", "help"),
        *("video", "image", "profiles", "qualty", "no_preview", "--fps", "edge", "matte-size"),
    ]
)
VALUES = st.sampled_from(
    [
        *("true", "false", "True", "yes", "1", "-1", "2.5", "nan", "inf", "9" * 400, "1979-05-27"),
        *('"best"', '"navy"', "navy", "#12", '"#12"', '"out.mp4"', '"none"', '"~"', '""', "''"),
        *("[]", '["navy", "blur"]', "[1, [2]]", "{a = 1}", "[[1]]", '"\\u0000"', '"a\\nb"', "'\\'"),
        *('"photo.jpg"', '"alpha,cutout"', '"talk_{save}.mp4"', '"1280x720"', '"auto"'),
    ]
)
LINES = st.one_of(
    st.tuples(KEYS, VALUES).map(" = ".join),
    KEYS.map(lambda key: f"[{key}]"),
    st.sampled_from(["[profiles.a]", "[profiles.a.video]", "[video.x]", "# only words", "=", "["]),
)


@cases(
    60,
    lines=st.lists(LINES, max_size=6),
    line_end=st.sampled_from(["\n", "\r\n", "\r", "\0"]),
    encoding=st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    name=names(),
    kind=st.sampled_from(["file", "file", "file", "folder", "link", "dangling", "loop", "none"]),
    profile=st.sampled_from([(), (), ("--profile", "a"), ("--profile", "ä")]),
    command=st.sampled_from(["", "image", "video", "doctor --help"]),
)
def test_settings(
    contents: dict[str, bytes],
    lines: list[str],
    line_end: str,
    encoding: str,
    name: str,
    kind: str,
    profile: tuple[str, ...],
    command: str,
) -> None:
    world = [Entry("photo.jpg", "photo", 0), Entry("clip.mp4", "clip", 0)]
    text = line_end.join(lines).encode(encoding, "replace")
    with made(world, contents), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pipeline, "run", lambda _self: None)
        try:
            _settings_file(name, kind, text)
        except OSError:
            return
        words = [f"--config={name}", *profile]
        asked_for = ["mattes", "out", "photo", "talk_"]
        if command == "image":
            run([*words, "image", "photo.jpg"], asked_for, ["photo.jpg", name])
        elif command == "video":
            run([*words, "video", "clip.mp4", "-o", "out.mkv"], asked_for, ["clip.mp4", name])
        else:
            run([*words, *command.split()], asked_for, [name])


def _settings_file(name: str, kind: str, text: bytes) -> None:
    if kind == "folder":
        os.mkdir(name)
    elif kind in ("dangling", "loop"):
        os.symlink("nowhere" if kind == "dangling" else name, name)
    elif kind == "link":
        Path("real.toml").write_bytes(text)
        os.symlink("real.toml", name)
    elif kind == "file":
        with open(name, "xb") as file:
            file.write(text)
