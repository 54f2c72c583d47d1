"""Names of files that look like something else, and files that have several names."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from livematte.background import files_of
from livematte.backgrounds.parse import parse, parse_all
from livematte.cli.file_names import with_home, with_plain_names
from livematte.errors import SourceError, UsageError
from livematte.frame import Rendered, Size
from livematte.media import piped
from livematte.media.identity import Inputs, identity, require_apart
from livematte.media.mark import is_result
from livematte.media.names import address_of, names_files, require_writable_name
from livematte.media.photo.read import Photo
from livematte.media.piped import whole_file
from livematte.media.whole_file import Taken, create_unfinished, free_name, write_whole
from livematte.photos import Results, Save, find_photos
from livematte.photos.save import encode, matted
from livematte.photos.whole_zip import zip_name
from livematte.sinks import open_output
from livematte.sinks.images import ImageFolder, write_png
from livematte.sources import VideoFile
from tests.cli.runs import livematte
from tests.photos.pictures import write_photo
from tests.video.clips import person, write_clip

ODD: Final = (
    *("call:1", "2026-11-25T12:30:00", "concat:a", "pipe:0", "data:,x", "http:x", "cache:a"),
    *(
        "%d",
        "%05d",
        "100%",
        "%Y-%m-%d",
        "%%",
        "[1]",
        "{a,b}",
        "a*b?",
        "a|b",
        "-dash",
        "--overwrite",
    ),
    *("C:\\x", "\\\\server\\share\\x", "con", "nul", "a\nb", "a\tb", "\x1b[31m", " ", "[bold]x"),
    *("日本語", "🎉🏳️‍🌈", "e\u0301", "\u202etxt", "\udcff\udcfe", "x" * 251, "é" * 125 + "a"),
)
"""Stems of names that Linux has; each with an ending of four letters is at most 255 bytes."""

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="others know no such names")


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rendered(index: int = 0) -> Rendered:
    image = np.full((36, 64, 3), 9, np.uint8)
    return Rendered(image, image[..., 0].copy(), index, 0.0, index / 10)


# --- any name


@linux_only
def test_any_name_of_a_video_is_read_and_written() -> None:
    write_clip(Path("clip.mp4"), [person(0)])
    for stem in ODD:
        given, made = Path(f"{stem}.mp4"), f"out/{stem}.mkv"
        os.link("clip.mp4", given)
        Path("out").mkdir(exist_ok=True)
        with VideoFile(given, realtime=False) as video:
            assert sum(1 for _ in video.frames()) == 1, stem
        sink = open_output(made, transparent=False)
        sink.open(Size(64, 36), Fraction(10))
        sink.send(rendered())
        sink.close()
        assert os.listdir("out") == [f"{stem}.mkv"], stem
        with open(made, "rb") as file, av.open(file, "r") as container:
            assert len(list(container.decode(video=0))) == 1
        os.unlink(made)


@linux_only
def test_any_name_of_a_picture_is_a_background_and_a_photo() -> None:
    write_photo(Path("photo.png"), side=8)
    Path("in").mkdir()
    for stem in ODD:
        os.link("photo.png", f"{stem}.png")
        assert files_of(parse_all(f"{stem}.png")) == [Path(f"{stem}.png")], stem
        Path("in", f"{stem}.png").write_bytes(Path("photo.png").read_bytes())
    found = find_photos(["in"])
    assert {each.path.stem for each in found.photos} == set(ODD)
    results = Results(Path("out"), Path("out.zip"), overwrite=False)
    for photo in found.photos:
        results.put(f"{photo.name}.png", b"result")
    results.close()
    assert len(os.listdir("out")) == len(ODD)


@pytest.mark.parametrize("name", ["a." + "b" * 253, "." + "c" * 254, "a" * 255, "é" * 127 + "."])
def test_a_long_name_without_an_ending_has_an_unfinished_one_too(name: str) -> None:
    unfinished, descriptor = create_unfinished(Path(name))
    os.close(descriptor)
    unfinished.unlink()
    Path(name).touch()
    free = free_name(Path(name), "incomplete")
    free.touch()
    assert free.name != name
    write_whole(Path(name), b"whole")
    assert Path(name).read_bytes() == b"whole"


def test_a_percent_sign_in_the_name_of_pngs_is_one() -> None:
    sink = ImageFolder(Path("100%_%03d_%.png"))
    sink.open(Size(64, 36), Fraction(10))
    sink.send(rendered())
    sink.send(rendered(1))
    assert sorted(os.listdir()) == ["100%_000_%.png", "100%_001_%.png"]
    with pytest.raises(UsageError, match="already contains pictures"):
        ImageFolder(Path("100%_%03d_%.png"))


def test_what_is_printed_of_a_name_is_the_name() -> None:
    """Rich would make pictures of words between colons."""
    for name in ("me:smile:.mp4", "[red]a[/red].mp4", "a%d.mp4"):
        ended = livematte("video", name, "-o", "o.mkv")
        assert f"{name} cannot be read" in ended.said


def test_names_in_a_zip_lead_nowhere_on_windows() -> None:
    assert zip_name("..\\..\\a.png") == "..%5C..%5Ca.png"
    assert zip_name("trip/two\nlines\x1b.png") == "trip/two%0Alines%1B.png"
    assert zip_name("日本 ñ.png") == "日本 ñ.png"


@linux_only
@pytest.mark.parametrize("name", [b"\xff[bold].mp4", "日本\n\x1b[31m.mp4".encode()])
def test_what_is_printed_of_a_name_never_fails(name: bytes) -> None:
    """In the plainest of terminals, whether there is such a file or not."""
    Path(os.fsdecode(b"there " + name)).write_text("no video")
    for arguments in ([b"video", name, b"-o", b"o.mp4"], [b"-b", b"there " + name]):
        finished = subprocess.run(
            [sys.executable.encode(), b"-m", b"livematte", *arguments],
            capture_output=True,
            env={**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
            timeout=60,
            check=False,
        )
        assert finished.returncode in (1, 2), (arguments, finished)
        for unwanted in (b"Traceback", b"Unexpected", b"\x1b"):
            assert unwanted not in finished.stderr


def test_a_file_that_begins_with_a_dash_is_no_option() -> None:
    for name in ("-x.jpg", "-o.png", "--overwrite", "--zip=a.jpg"):
        Path(name).touch()
    options = ("-o", "--overwrite", "--zip")

    def given(*arguments: str) -> list[str]:
        return with_plain_names(arguments, options)

    assert given("-x.jpg", "-o", "-o.png") == [f".{os.sep}-x.jpg", "-o", f".{os.sep}-o.png"]
    assert given("--overwrite", "--zip=a.jpg") == ["--overwrite", "--zip=a.jpg"]
    assert given("-y.jpg", "--", "-x.jpg") == ["-y.jpg", "--", "-x.jpg"]


def test_a_tilde_that_the_shell_left_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path("home").absolute()
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(home))
    assert with_home(["--output=~/x.mp4", "~/a b.jpg", "--", "~"]) == [
        *(f"--output={home}/x.mp4", f"{home}/a b.jpg", "--", str(home)),
    ]
    for other in ("~x", "a~/b", "--name=a~/b", "~nobody/x", "x=~/b"):
        assert with_home([other]) == [other]
    Path("~").mkdir()
    Path("~", "x.mp4").touch()
    assert with_home(["--input=~/x.mp4"]) == ["--input=~/x.mp4"]


def test_results_go_to_no_link_that_leads_to_itself() -> None:
    write_photo(Path("a.png"), side=8)
    Path("loop").symlink_to("loop")
    ended = livematte("image", "a.png", "-o", "loop", "-r")
    assert ended.code == 1, ended.said
    assert "loop" in ended.said


def test_a_photo_at_an_address_is_refused_for_what_it_is() -> None:
    for address, remedy in (
        ("file:///home/me/a.jpg", "file:// before it"),
        ("http://x/a.jpg", "Save"),
    ):
        ended = livematte("image", address)
        assert "It is an address" in ended.said
        assert remedy in ended.said


# --- addresses, and what Windows cannot call a file


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("rtmp://live.example/app/KEY", "rtmp://live.example/..."),
        ("http://me:secret@host/x.mp4", "http://***@host/..."),
        ("srt://host:9000", "srt://host:9000"),
        (Path("rtsp://host/x"), "rtsp://host/x"),
        ("FILE:///home/me/x.mp4", "FILE://"),
        ("C:/x.mp4", ""),
        ("C:\\x.mp4", ""),
        ("call:1.mp4", ""),
        ("a/http://x", ""),
        ("\\\\server\\share\\x.mp4", ""),
    ],
)
def test_addresses_are_told_from_names(name: str | Path, shown: str) -> None:
    assert address_of(name).startswith(shown)
    assert bool(address_of(name)) == bool(shown)


def test_an_address_as_an_output_is_refused_for_what_it_is_and_tells_no_key() -> None:
    for address in ("rtmp://live.example/app/KEY", "srt://h:1?passphrase=KEY", "http://me:KEY@h/"):
        with pytest.raises(UsageError, match="is an address, and livematte writes files") as caught:
            open_output(address, transparent=False)
        assert "KEY" not in str(caught.value)
        assert "OBS" in caught.value.remedy
    with pytest.raises(UsageError) as caught:
        open_output("file:///x/a.mp4", transparent=False)
    assert "Leave out the file://" in caught.value.remedy
    assert not os.listdir()
    Path("rtmp:").mkdir()
    open_output("rtmp://a.mp4", transparent=False)  # a folder may be called so


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("con.mp4", "device"),
        ("out\\NUL", "device"),
        ("aux", "device"),
        ("C:\\x\\lpt1.tar.png", "device"),
        ("COM¹.mp4", "device"),
        ("talk:1.mp4", "':'"),
        ("C:\\x\\a?b.mp4", "'?'"),
        ("a\nb.mp4", "'\\n'"),
        ("out .\\x.mp4", "full stop"),
        ("x.mp4 ", "space"),
        ("C:\\x\\contact.mp4", ""),
        ("\\\\server\\share\\console.mp4", ""),
        ("\\\\?\\C:\\x.mp4", ""),
        ("..\\x/.\\日本.mp4", ""),
    ],
)
def test_what_windows_cannot_call_a_file(name: str, problem: str) -> None:
    require_writable_name(name, windows=False)
    if not problem:
        require_writable_name(name, windows=True)
        return
    with pytest.raises(UsageError) as caught:
        require_writable_name(name, windows=True)
    assert problem in caught.value.problem


def test_names_that_are_no_files() -> None:
    for text in ("", "a\0b", "\ud800", "x" * 5_000, "[", "**\0"):
        assert not names_files(text)
        assert identity(text) is None
        assert Inputs([text]).at(text) is None


# --- one file, several names


def lay(*names: str) -> None:
    """Different files."""
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        write_photo(Path(name), side=8 + len(os.listdir(Path(name).parent)))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few people make links")
def test_a_photo_is_done_once_whatever_it_is_called() -> None:
    lay("in/a.jpg", "in/b.jpg")
    os.symlink("a.jpg", "in/0.jpg")
    os.link("in/b.jpg", "in/c.jpg")
    os.symlink("in", "folder")
    found = find_photos(["in", "./in/a.jpg", "in/../in/a.jpg", "folder/b.jpg", "folder", "*/*.jpg"])
    assert [each.path.name for each in found.photos] == ["a.jpg", "b.jpg"]
    assert (Path("in/0.jpg"), Path("in/a.jpg")) in found.same
    assert (Path("in/c.jpg"), Path("in/b.jpg")) in found.same
    assert not found.failures
    assert not find_photos(["in/a.jpg", "./in/a.jpg"]).same


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few people make links")
def test_links_that_lead_in_a_circle_are_followed_once() -> None:
    lay("album/a.png", "album/sub/b.png", "album/z/deep/c.png", "other/d.png")
    os.symlink("..", "album/sub/up")
    os.symlink("../album", "album/self")
    os.symlink("z", "album/before")
    os.symlink("../other", "album/other")
    os.symlink("loop", "album/loop")
    os.symlink("loop.png", "album/loop.png")
    os.symlink("nothing", "album/gone.png")
    found = find_photos(["album"], recursive=True)
    names = {each.name for each in found.photos} - {"loop", "gone"}  # told when they are read
    assert names == {"a", "sub/b", "z/deep/c", "other/d"}
    assert not found.failures
    assert not found.same
    assert {each.name for each in find_photos(["album"]).photos} - {"loop", "gone"} == {"a"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_pipe_in_a_folder_is_not_waited_for() -> None:
    lay("in/a.jpg")
    os.mkfifo("in/b.jpg")
    os.mkfifo("in/c")
    found = find_photos(["in"])
    assert found.photos[0].path.name == "a.jpg"
    assert not is_result(Path("in/b.jpg"))
    assert [each.description for each in parse_all("in")] == ["a.jpg"]


@pytest.mark.parametrize("kind", list(Save))
@pytest.mark.parametrize("file_format", ["png", "webp", "jpg"])
def test_results_are_known_as_such_and_photos_are_not(kind: Save, file_format: str) -> None:
    if kind is Save.CUTOUT and file_format == "jpg":
        return
    lay("in/a.png", "in/b.jpg", "in/c.webp")
    image = np.random.default_rng(1).integers(0, 255, (40, 60, 3), np.uint8)
    alpha = np.full((40, 60), 200, np.uint8)
    data = encode(matted(Photo(image, None, None), alpha, {kind}), kind, file_format, parse("navy"))
    Path(f"in/result{kind.ending(file_format)}").write_bytes(data)
    found = find_photos(["in", "in/*"])
    assert [each.path.name for each in found.photos] == ["a.png", "b.jpg", "c.webp"]
    assert [each.stem for each in found.results] == ["result"]
    alone = find_photos([str(found.results[0])])
    assert not alone.photos
    assert alone.failures[0].reason == "It is a result of livematte, not a photo."
    Pillow.open(found.results[0]).load()


def test_pictures_of_a_video_are_results_too() -> None:
    write_png(Path("000000.png"), rendered())
    assert is_result(Path("000000.png"))
    marked = Path("000000.png").read_bytes()
    Path("livematte.png").write_bytes(marked.replace(b"livematte", b"another.."))
    assert not is_result(Path("livematte.png"))


# --- nothing that is read is replaced


LINKS: Final[dict[str, Callable[[str, str], object]]] = {
    "itself": lambda _there, _name: None,
    "a symbolic link": os.symlink,
    "a hard link": os.link,
}


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few people make links")
def test_no_output_replaces_what_is_read(link: str) -> None:
    write_clip(Path("in.mp4"), [person(0)])
    write_photo(Path("in.png"), side=8)
    LINKS[link]("in.mp4", "link.mp4")
    LINKS[link]("in.png", "link.png")
    video = "in.mp4" if link == "itself" else "link.mp4"
    photo = "in.png" if link == "itself" else "link.png"
    with pytest.raises(UsageError, match="read in this run"):
        open_output(video, transparent=False, taken=Taken.REPLACE, inputs=[Path("in.mp4")])
    results = Results(Path(), None, overwrite=True, inputs=[Path("in.png")])
    with pytest.raises(UsageError, match="read in this run"):
        results.missing([photo])
    assert results.missing(["other.png"]) == ["other.png"]
    with pytest.raises(UsageError, match="read in this run"):
        Results(None, Path(photo), overwrite=True, inputs=[Path("in.png")])
    Path("frames").mkdir()
    os.link("in.png", "frames/000007.png")
    with pytest.raises(UsageError, match="read in this run"):
        open_output(
            "frames/",
            transparent=False,
            taken=Taken.REPLACE,
            inputs=files_of([parse("in.png"), parse("navy")]),
        )
    require_apart(["nothing.mp4"], ["in.mp4", "nothing.mp4"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few people make links")
def test_outputs_of_a_run_are_different_files() -> None:
    lay("a.png", "b.png")
    os.link("a.png", "hard.png")
    os.symlink("new.png", "link.png")
    os.symlink(".", "here")
    for one, other in (
        ("new.png", "./new.png"),
        ("new.png", "here/new.png"),
        ("new.png", "link.png"),
        ("a.png", "hard.png"),
        ("a.png", Path("a.png").resolve()),
    ):
        with pytest.raises(UsageError, match="was given twice"):
            require_apart([one, "b.png", other])
    require_apart(["a.png", "b.png", "new.png", "newer.png", "frames/"], ["c.png"])
    with pytest.raises(UsageError, match=r"hard\.png is read in this run, as a\.png, and would be"):
        require_apart(["new.png", "hard.png"], ["b.png", "a.png"])


# --- pipes


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_pipe_is_read_once_to_its_end_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    content = os.urandom(3_000_000)
    os.mkfifo("talk.mp4")
    writer = threading.Thread(target=lambda: Path("talk.mp4").write_bytes(content))
    writer.start()
    told: list[str] = []
    with whole_file(Path("talk.mp4"), told.append) as path:
        assert path.name == "talk.mp4"
        for _ in range(2):
            assert path.read_bytes() == content
        if sys.platform == "linux":
            (folder,) = scratch.iterdir()
            assert [each.is_symlink() for each in folder.iterdir()] == [True]
    writer.join()
    assert len(told) == 1
    assert not list(scratch.iterdir())
    monkeypatch.setattr(piped, "WRITER_SECONDS", 0.1)
    with (
        pytest.raises(SourceError, match=r"Nothing has come from talk\.mp4"),
        whole_file(Path("talk.mp4"), told.append),
    ):
        pass
    with whole_file(Path("other.mp4"), told.append) as path:
        assert path == Path("other.mp4")
