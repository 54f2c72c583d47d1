"""Pictures as designers make them, and folders of them, as backgrounds."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from coloraide import Color
from PIL import Image as Pillow

from livematte.background import Picture
from livematte.backgrounds import files as background_files
from livematte.backgrounds.css_colour import NotOpaqueError, parse_colour
from livematte.backgrounds.parse import parse, parse_all
from livematte.cli.backgrounds import described, with_all_backgrounds
from livematte.errors import BackgroundError, UsageError
from livematte.frame import Rendered, Size
from livematte.options.settings_file import read as read_settings
from livematte.sinks import VideoWriter
from tests.icc import blue_ink, display_p3, linear_grey

SIZE: Final = Size(64, 36)
NAVY: Final = (0, 0, 128)


def shown(text: str | Path) -> Picture:
    background = parse(str(text))
    assert isinstance(background, Picture)
    return background


def rgb_at(picture: Picture, x: int = 32, y: int = 18, seconds: float = 0.0) -> tuple[int, ...]:
    return tuple(int(each) for each in picture.picture_at(SIZE, seconds)[y, x, ::-1])


def mixed(colour: tuple[int, int, int], alpha: int, behind: tuple[int, int, int]) -> list[float]:
    return [(a * alpha + b * (255 - alpha)) / 255 for a, b in zip(colour, behind, strict=True)]


# --- transparency


def chunked(header: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of chunks, IHDR's content first."""
    data = b"\x89PNG\r\n\x1a\n"
    for name, content in ((b"IHDR", header), *chunks, (b"IEND", b"")):
        checked = name + content
        data += struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
    return data


def deep_png(kind: int, pixel: tuple[int, ...], *more: tuple[bytes, bytes]) -> bytes:
    """16 bits a channel, 64x36, of one colour; Pillow writes none with several channels."""
    row = b"\0" + struct.pack(f">{len(pixel)}H", *pixel) * 64
    header = struct.pack(">IIBBBBB", 64, 36, 16, kind, 0, 0, 0)
    return chunked(header, *more, (b"IDAT", zlib.compress(row * 36)))


def palette(alpha: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        picture = Pillow.new("P", SIZE, 1)
        picture.putpalette([0, 0, 0, 200, 100, 50])
        picture.save(path, transparency=bytes((255, alpha)))

    return write


def pillow(mode: str, pixel: Any, **options: Any) -> Callable[[Path], None]:
    return lambda path: Pillow.new(mode, SIZE, pixel).save(path, **options)


ORANGE: Final = (200, 100, 50)
GREY: Final = (120, 120, 120)
TRANSPARENT: Final[dict[str, tuple[Callable[[Path], object], tuple[int, int, int], int]]] = {
    "rgba.png": (pillow("RGBA", (*ORANGE, 128)), ORANGE, 128),
    "rgba.webp": (pillow("RGBA", (*ORANGE, 60), lossless=True), ORANGE, 60),
    "rgba.avif": (pillow("RGBA", (*ORANGE, 128), quality=100), ORANGE, 128),
    "rgba.tiff": (pillow("RGBA", (*ORANGE, 128)), ORANGE, 128),
    "grey.png": (pillow("LA", (120, 100)), GREY, 100),
    "palette.png": (palette(90), ORANGE, 90),
    "invisible.png": (pillow("RGBA", (*ORANGE, 0)), ORANGE, 0),
    "key.png": (pillow("RGB", ORANGE, transparency=ORANGE), ORANGE, 0),
    "grey key.png": (pillow("L", 120, transparency=120), GREY, 0),
    "palette.gif": (pillow("P", 1, transparency=1), ORANGE, 0),
    "deep.png": (
        lambda path: path.write_bytes(deep_png(6, (51400, 25700, 12850, 32896))),
        ORANGE,
        128,
    ),
    "deep grey.png": (lambda path: path.write_bytes(deep_png(4, (30840, 25700))), GREY, 100),
    "deep grey key.png": (
        lambda path: path.write_bytes(deep_png(0, (30840,), (b"tRNS", b"\x78\x78"))),
        GREY,
        0,
    ),
}


@pytest.mark.parametrize("name", TRANSPARENT)
def test_what_shines_through_is_white_or_the_colour_after_the_at(tmp_path: Path, name: str) -> None:
    write, colour, alpha = TRANSPARENT[name]
    path = tmp_path / name
    write(path)
    for suffix, behind in (
        ("", (255, 255, 255)),
        ("@navy", NAVY),
        ("@rgb(10 200 30)", (10, 200, 30)),
    ):
        np.testing.assert_allclose(
            rgb_at(shown(f"{path}{suffix}")),
            mixed(colour, alpha, behind),
            atol=3,
            err_msg=suffix,
        )


@pytest.mark.parametrize("ending", [".webm", ".mov"])
def test_through_videos_as_well(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"clip{ending}"
    image = np.full((36, 64, 3), ORANGE[::-1], np.uint8)
    alpha = np.full((36, 64), 128, np.uint8)
    writer = VideoWriter(path, transparent=True)
    writer.open(SIZE, Fraction(10))
    for index in range(5):
        writer.send(Rendered(image, alpha, index, 0.0, index / 10, transparent=True))
    writer.close()
    for suffix, behind in (("", (255, 255, 255)), ("@navy", NAVY), ("@black", (0, 0, 0))):
        seen = rgb_at(shown(f"{path}{suffix}"))
        np.testing.assert_allclose(seen, mixed(ORANGE, 128, behind), atol=6, err_msg=suffix)


def test_a_file_that_is_called_so_goes_before_a_colour(tmp_path: Path) -> None:
    Pillow.new("RGBA", SIZE, (0, 0, 0, 0)).save(tmp_path / "a.png")
    Pillow.new("RGB", SIZE, ORANGE).save(tmp_path / "a.png@navy", "PNG")
    assert rgb_at(shown(tmp_path / "a.png@navy")) == ORANGE
    assert rgb_at(shown(tmp_path / "a.png@navy@red")) == ORANGE
    assert rgb_at(shown(tmp_path / "a.png@red")) == (255, 0, 0)
    for wrong in ("navi", "#0008", "transparent", ""):
        with pytest.raises(UsageError, match="not an opaque colour"):
            parse(f"{tmp_path / 'a.png'}@{wrong}")
    with pytest.raises(UsageError, match="neither a colour nor a file"):
        parse(str(tmp_path / "me@home.png"))


@pytest.mark.parametrize(
    ("text", "rgb"),
    [
        ("rebeccapurple", (0x66, 0x33, 0x99)),
        ("#ABC", (0xAA, 0xBB, 0xCC)),
        ("#1e90ffff", (0x1E, 0x90, 0xFF)),
        ("rgb(30, 144, 255)", (30, 144, 255)),
        ("rgb(30 144 255 / 100%)", (30, 144, 255)),
        ("hsl(210deg 100% 50%)", (0, 128, 255)),
        ("hwb(200 10% 20%)", (25, 144, 204)),
        ("lab(50% 0 0)", (119, 119, 119)),
    ],
)
def test_any_colour_of_css(text: str, rgb: tuple[int, int, int]) -> None:
    assert parse_colour(text) == rgb
    assert rgb_at(shown(text)) == rgb


def test_a_colour_that_is_not_opaque_is_none() -> None:
    for text in ("#0008", "rgb(0 0 0 / 50%)", "rgba(1,2,3,0.5)"):
        with pytest.raises(NotOpaqueError):
            parse_colour(text)
        with pytest.raises(UsageError, match="not opaque"):
            parse(text)


# --- colours and orientation


def test_profiles_are_converted_to_srgb(tmp_path: Path) -> None:
    vivid = Color("color(display-p3 0.7843 0.4706 0.2353)").convert("srgb").fit()
    for ending in ("png", "webp", "tiff"):
        path = tmp_path / f"p3.{ending}"
        Pillow.new("RGB", SIZE, (200, 120, 60)).save(path, icc_profile=display_p3(), lossless=True)
        np.testing.assert_allclose(
            rgb_at(shown(path)), [255 * each for each in vivid.coords()], atol=2
        )
    for mode, pixel in (("L", 128), ("LA", (128, 255)), ("I;16", 128 * 257)):
        path = tmp_path / f"{mode[:2].strip(';')}.png"
        Pillow.new(mode, SIZE, pixel).save(path, icc_profile=linear_grey())
        np.testing.assert_allclose(rgb_at(shown(path)), 188, atol=2, err_msg=mode)
    Pillow.new("CMYK", SIZE, (255, 0, 0, 0)).save(tmp_path / "ink.tiff", icc_profile=blue_ink())
    blue = Color("lab(50.2 0 -68)").convert("srgb").clip()
    np.testing.assert_allclose(
        rgb_at(shown(tmp_path / "ink.tiff")), [255 * each for each in blue.coords()], atol=6
    )


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "CMYK", "I;16", "P"])
def test_a_broken_profile_is_ignored(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "broken.tiff"
    Pillow.new(mode, SIZE).save(path, icc_profile=display_p3()[:300] + b"\xff" * 80)
    assert len(set(rgb_at(shown(path)))) == 1
    Pillow.new("RGB", SIZE, ORANGE).save(path, icc_profile=linear_grey())  # of another kind
    assert rgb_at(shown(path)) == ORANGE


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tiff", "avif"])
def test_pictures_stand_upright(tmp_path: Path, ending: str) -> None:
    stored = Pillow.new("RGB", (36, 64), (0, 0, 255))
    stored.paste((255, 0, 0), (0, 0, 36, 32))
    exif = Pillow.Exif()
    exif[0x0112] = 8  # stored a quarter turn to the right: its top is the left
    stored.save(tmp_path / f"turned.{ending}", exif=exif)
    picture = shown(tmp_path / f"turned.{ending}")
    left, right = rgb_at(picture, 10), rgb_at(picture, 54)
    assert left[0] > 200 > 60 > left[2]
    assert right[2] > 200 > 60 > right[0]


# --- animations


def animate(path: Path, kind: str, frames: list[Pillow.Image], **options: Any) -> Path:
    if kind in ("WEBP",):
        options["lossless"] = True
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], loop=1, **options)
    return path


def seen(path: Path | str, *seconds: float) -> list[tuple[int, ...]]:
    picture = shown(path)
    return [rgb_at(picture, seconds=each) for each in seconds]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_animations_move_at_their_own_speed_and_are_repeated(tmp_path: Path, kind: str) -> None:
    """Whatever they are called, and half transparent ones on the colour that is asked for."""
    alphas = (0, 255, 0) if kind == "GIF" else (128, 255, 0)
    frames = [Pillow.new("RGBA", SIZE, (*ORANGE, each)) for each in alphas]
    for each in frames:
        each.putpixel((0, 0), (0, 0, 0, 0))
    path = animate(
        tmp_path / "moving.bin", kind, frames, duration=[100, 300, 200], quality=100, disposal=2
    )
    wanted = [mixed(ORANGE, each, NAVY) for each in alphas]
    greys = seen(f"{path}@navy", 0.0, 0.09, 0.12, 0.38, 0.42, 0.58, 0.62, 0.75, 1.05)
    expected = [wanted[each] for each in (0, 0, 1, 1, 2, 2, 0, 1, 2)]
    np.testing.assert_allclose(greys, expected, atol=4)


def test_frames_that_add_to_the_last_one_and_frames_that_replace_it(tmp_path: Path) -> None:
    """APNG says of each frame how it is blended, and what becomes of it."""
    base = Pillow.new("RGBA", SIZE, (*ORANGE, 255))
    corner = Pillow.new("RGBA", SIZE, (0, 0, 0, 0))
    corner.paste((0, 255, 0, 255), (0, 0, 8, 8))
    over = animate(tmp_path / "over.png", "PNG", [base, corner], duration=100, blend=1)
    source = animate(tmp_path / "source.png", "PNG", [base, corner], duration=100, blend=0)
    assert seen(over, 0.15) == [ORANGE]
    assert seen(f"{source}@navy", 0.15) == [NAVY]
    assert rgb_at(shown(over), 1, 1, 0.15) == (0, 255, 0)


def test_the_picture_for_who_shows_no_animations_is_not_shown(tmp_path: Path) -> None:
    frames = [Pillow.new("RGB", SIZE, each) for each in ("red", "navy", "white")]
    path = animate(tmp_path / "a.png", "PNG", frames, duration=100, default_image=True)
    assert seen(path, 0.05, 0.15, 0.25) == [NAVY, (255, 255, 255), NAVY]


@pytest.mark.parametrize("duration", [0, 10])
def test_animations_in_a_hurry_are_shown_as_browsers_show_them(
    tmp_path: Path, duration: int
) -> None:
    frames = [Pillow.new("RGB", SIZE, each) for each in ("navy", "white")]
    path = animate(tmp_path / "a.gif", "GIF", frames, duration=duration)
    assert seen(path, 0.05, 0.15, 0.25) == [NAVY, (255, 255, 255), NAVY]


def test_pages_and_views_are_no_animation(tmp_path: Path) -> None:
    frames = [Pillow.new("RGB", SIZE, each) for each in ("navy", "white")]
    for kind in ("TIFF", "MPO"):
        path = tmp_path / f"several.{kind.lower()}"
        frames[0].save(path, kind, save_all=True, append_images=frames[1:])
        assert seen(path, 0.0, 5.0)[1][0] < 20


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_a_damaged_animation_shows_what_there_is(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (5, 36, 64, 3), np.uint8)
    frames = [Pillow.fromarray(each) for each in noise]
    path = animate(tmp_path / "cut.bin", kind, frames, duration=100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    picture = shown(path)
    for seconds in np.arange(0, 2, 0.05):
        picture.picture_at(SIZE, float(seconds))


# --- large pictures, and those of other programs


def test_a_picture_of_200_megapixels_is_shown(tmp_path: Path) -> None:
    """As phones make them; in a process of its own, whose memory is limited."""
    Pillow.new("L", (16_320, 12_240), 120).save(tmp_path / "phone.jpg")
    Pillow.new("L", (16_320, 12_240), 120).save(tmp_path / "scan.png", compress_level=1)
    program = (
        "import sys; from livematte.backgrounds.parse import parse\n"
        "from livematte.frame import Size\n"
        "from livematte.bench.memory import memory_of_this_process as memory\n"
        "for each in sys.argv[1:]:\n"
        "    assert parse(each).picture_at(Size(64, 36), 0.0)[9, 9].tolist() == [120] * 3\n"
        "assert memory().peak_bytes < 1.5e9, memory()\n"
    )
    paths = [str(tmp_path / "phone.jpg"), str(tmp_path / "scan.png")]
    subprocess.run([sys.executable, "-c", program, *paths], check=True, timeout=120)


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("logo.svg", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        ("page.jpg", b"<!DOCTYPE html><html>", "web page"),
        ("flyer.pdf", b"%PDF-1.7\n", "PDF"),
        ("room.xcf", b"gimp xcf v011\0", "GIMP"),
        ("room.psd", b"8BPS\0\1", "Photoshop"),
        ("room.jxl", b"\xff\x0a\x01\x02", "JPEG XL"),
        ("room.raf", b"FUJIFILMCCD-RAW 0201", "raw photo"),
        ("room.cr3", b"\0\0\0\x18ftypcrx \0\0\0\0", "raw photo"),
        ("room.kra", b"PK\x03\x04", "zip file or a document"),
    ],
)
def test_what_is_not_read_is_called_what_it_is(
    tmp_path: Path, name: str, data: bytes, what: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BackgroundError, match=what) as caught:
        parse(str(tmp_path / name))
    assert name in caught.value.problem


def test_an_address_is_not_opened_and_tells_no_password() -> None:
    for text in ("https://me:secret@host/room.jpg", "file:///home/me/room.jpg"):
        with pytest.raises(UsageError, match="is an address") as caught:
            parse(text)
        assert "secret" not in str(caught.value)


# --- folders and patterns


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "rooms"
    folder.mkdir()
    for index in (10, 9, 1):
        Pillow.new("RGB", SIZE, (index, 0, 0)).save(folder / f"room{index}.png")
    animate(
        folder / "Room2.gif",
        "GIF",
        [Pillow.new("RGB", SIZE, (each, 0, 0)) for each in (200, 220)],
        duration=100,
    )
    Pillow.new("RGB", SIZE).save(folder / ".hidden.png")
    (folder / "notes.txt").write_text("no picture")
    (folder / "inside.png").mkdir()
    return folder


def test_a_folder_is_all_its_pictures_in_natural_order(rooms: Path) -> None:
    expected = ["room1.png", "Room2.gif", "room9.png", "room10.png"]
    for text in ("rooms", "rooms/", "rooms/*", "rooms/[rR]*", str(rooms), "rooms/*@navy", "**/*"):
        backgrounds = parse_all(text)
        assert [each.description for each in backgrounds] == expected, text
    pictures = [each for each in parse_all("rooms") if isinstance(each, Picture)]
    assert [rgb_at(each)[0] for each in (pictures[0], *pictures[2:])] == [1, 9, 10]
    assert abs(rgb_at(pictures[1])[0] - 200) < 9 > abs(rgb_at(pictures[1], seconds=0.15)[0] - 220)
    assert described(parse_all("rooms")) == ", ".join(expected)
    assert described([*parse_all("rooms"), parse("navy")]) == ", ".join(expected) + " and 1 more"
    with pytest.raises(UsageError, match="is 4 pictures"):
        parse("rooms")


def test_a_picture_of_a_folder_that_cannot_be_read_is_said_and_left_out(rooms: Path) -> None:
    (rooms / "room0.png").write_text("no picture")
    (rooms / "room3.jpg").write_bytes(b"")
    told: list[str] = []
    assert len(parse_all("rooms", told.append)) == 4
    assert [each.split()[1] for each in told] == ["rooms/room0.png", "rooms/room3.jpg"]
    assert all(each.endswith("It is left out.") for each in told)


def test_nothing_in_a_folder_and_nothing_of_a_pattern_is_said(rooms: Path) -> None:
    (rooms.parent / "empty").mkdir()
    with pytest.raises(BackgroundError, match="empty is a folder without pictures"):
        parse("empty")
    with pytest.raises(BackgroundError, match="matches no file"):
        parse("rooms/*.jpg")


def test_a_live_run_neither_waits_for_a_picture_of_a_folder_nor_fails_with_it(
    rooms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_files, "OPENING_SECONDS", 0.05)
    pictures = [each for each in parse_all("rooms") if isinstance(each, Picture)]
    told: list[str] = []
    for each in pictures:
        each.play(live=True, on_trouble=told.append)
    (rooms / "room9.png").write_bytes((rooms / "room9.png").read_bytes()[:-40])
    opened = background_files.open_file

    def slow(*arguments: Any) -> Picture:
        time.sleep(0.4)
        return opened(*arguments)

    monkeypatch.setattr(background_files, "open_file", slow)
    began = time.monotonic()
    assert rgb_at(pictures[3]) == (background_files.NEUTRAL,) * 3
    assert rgb_at(pictures[2]) == (background_files.NEUTRAL,) * 3
    assert time.monotonic() - began < 0.3
    until = time.monotonic() + 10
    while rgb_at(pictures[3]) != (10, 0, 0) or not told:
        assert time.monotonic() < until
    assert rgb_at(pictures[2]) == (background_files.NEUTRAL,) * 3
    (sentence,) = told
    assert "room9.png" in sentence
    for each in pictures:
        each.stop()
    with pytest.raises(BackgroundError, match=r"room9\.png"):
        rgb_at(pictures[2])


def test_few_pictures_of_a_folder_are_in_memory(tmp_path: Path) -> None:
    for index in range(12):
        Pillow.new("RGB", SIZE, (index, 0, 0)).save(tmp_path / f"{index}.png")
    pictures = [each for each in parse_all(str(tmp_path)) if isinstance(each, Picture)]
    for _ in range(2):
        assert [rgb_at(each)[0] for each in pictures] == list(range(12))
    waiting = [each for each in pictures if isinstance(each, background_files._Waiting)]
    assert sum(each._picture is not None for each in waiting) == background_files.OPEN_AT_ONCE


def test_what_a_shell_makes_of_a_pattern_is_understood(rooms: Path) -> None:
    one, two = "rooms/room1.png", "rooms/room9.png"
    commands = {"image", "video"}

    def given(*arguments: str) -> list[str]:
        return with_all_backgrounds(arguments, commands)

    assert given("-b", one, two, one) == ["-b", one, "-b", two, "-b", one]
    assert given("--background", one, two, "--demo") == ["--background", one, "-b", two, "--demo"]
    assert given("-b", one, "-o", two) == ["-b", one, "-o", two]
    assert given("-b", one, "nothing.png") == ["-b", one, "nothing.png"]
    assert given("image", "-b", one, two) == ["image", "-b", one, two]
    (rooms.parent / "image").mkdir()
    assert given("-b", "image", one) == ["-b", "image", "-b", one]
    assert given("-b", one, "image", two) == ["-b", one, "image", two]


def test_backgrounds_of_a_settings_file_are_beside_it(
    rooms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = rooms / "settings.toml"
    path.write_text(
        'background = ["room1.png@navy", "*.gif", "navy", "../rooms/", "none.png@navy"]\n'
        'output = "frames/"\n'
    )
    monkeypatch.chdir("/")
    _, settings = read_settings(path, None)
    assert settings["background"] == [
        *(f"{rooms}{os.sep}{each}" for each in ("room1.png@navy", "*.gif")),
        *("navy", f"{rooms}{os.sep}../rooms/", "none.png@navy"),
    ]
    assert settings["output"] == f"{rooms}{os.sep}frames/"
