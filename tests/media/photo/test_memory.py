"""The limit on photos is the memory, and a bomb is refused however much of it there is."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image as Pillow

from livematte.errors import SourceError, UsageError
from livematte.media.photo import memory
from livematte.media.photo.memory import MemoryBudget, parse_bytes, usable_bytes
from livematte.media.photo.read import open_photo
from tests.properties.bombs import PICTURES


@pytest.mark.parametrize(
    ("text", "amount"),
    [("12G", 12 * 10**9), ("800m", 8 * 10**8), ("1.5GB", 15 * 10**8), ("7", 7)],
)
def test_amounts_of_memory(text: str, amount: int) -> None:
    assert parse_bytes(text) == amount


@pytest.mark.parametrize("text", ["", "G", "-1G", "nan", "1e9", "0G", "12 apples", "9" * 500])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(UsageError, match="is not an amount of memory"):
        parse_bytes(text)


def test_photos_of_200_megapixels_are_opened(tmp_path: Path) -> None:
    for mode, ending in (("L", "jpg"), ("1", "png")):
        path = tmp_path / f"phone.{ending}"
        Pillow.new(mode, (16_320, 12_240)).save(path)
        with open_photo(path) as opened:
            assert opened.pixels == 16_320 * 12_240


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "gif", "tif", "bmp"])
def test_pillow_s_limit_is_the_importing_program_s(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 1000
    path = tmp_path / f"large.{ending}"
    pictures = [Pillow.new("RGB", (80, 60), colour) for colour in ("red", "blue")]
    more: dict[str, Any] = {}
    if ending in ("gif", "webp"):
        more = {"save_all": True, "append_images": pictures[1:]}
    pictures[0].save(path, **more)
    small = tmp_path / "small.png"
    Pillow.new("RGB", (30, 20)).save(small)
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", limit)

    with open_photo(small) as opened, Pillow.open(small) as theirs:
        assert limit == Pillow.MAX_IMAGE_PIXELS
        opened.decode()
        theirs.load()

    def decode(_: int) -> int:
        with open_photo(path) as opened:
            if opened.is_animation:
                return len(list(opened.frames()))
            opened.decode()
            return 1

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(decode, range(16))) == {2 if more else 1}
    assert limit == Pillow.MAX_IMAGE_PIXELS
    with pytest.raises(Pillow.DecompressionBombError):
        Pillow.open(path)


def test_one_that_needs_more_memory_than_there_is_says_how_to_allow_it(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Pillow.new("1", (9_000, 7_000)).save(path)
    too_large = pytest.raises(SourceError, match="63 megapixels")
    with too_large as caught, open_photo(path, limit_bytes=10**8):
        pass
    option = caught.value.remedy.rpartition(" ")[2].rstrip(".")
    with open_photo(path, limit_bytes=parse_bytes(option)):
        pass


@pytest.mark.parametrize("content", PICTURES.values(), ids=PICTURES)
def test_a_bomb_is_refused_whatever_memory_there_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bomb.jpg"
    path.write_bytes(content)
    with pytest.raises(SourceError), open_photo(path, limit_bytes=10**15):
        pass


def test_a_container_with_little_memory_has_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = psutil.virtual_memory().available
    assert memory.LEAST_USABLE_BYTES <= usable_bytes() <= free
    (tmp_path / "max").write_text("4000000000\n")
    (tmp_path / "current").write_text("1000000000\n")
    files = (str(tmp_path / "max"), str(tmp_path / "current"))
    monkeypatch.setattr(memory, "_CGROUP", (files,))
    assert usable_bytes() <= 2_250_000_000
    (tmp_path / "max").write_text("max\n")
    assert usable_bytes() >= min(memory.LEAST_USABLE_BYTES, free)


def test_large_photos_take_turns() -> None:
    budget = MemoryBudget(100)
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with budget.reserved(500):  # more than there is: alone
            entered.set()
            leave.wait(10)

    holding = threading.Thread(target=hold)
    holding.start()
    assert entered.wait(10)
    second = threading.Event()

    def follow() -> None:
        with budget.reserved(10):
            second.set()

    following = threading.Thread(target=follow)
    following.start()
    assert not second.wait(0.1)
    leave.set()
    assert second.wait(10)
    holding.join()
    following.join()
