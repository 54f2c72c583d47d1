from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from livematte.errors import SinkError, UsageError
from livematte.frame import Size
from livematte.sinks import ImageFolder, VideoWriter, open_output
from tests.sinks.pictures import picture
from tests.small_disk import small_disk

SIZE = Size(15, 9)
RATE = Fraction(30)


def write(name: str, *, count: int = 2, transparent: bool = False) -> None:
    sink = open_output(name, transparent)
    assert isinstance(sink, ImageFolder)
    sink.open(SIZE, RATE)
    sink.send(picture(SIZE, -1))
    for index in range(count):
        sink.send(picture(SIZE, index, left=(index, 1, 2), transparent=transparent))
    sink.close()
    sink.close()


def test_a_new_folder_is_filled(tmp_path: Path) -> None:
    write(f"{tmp_path}/frames/")
    assert sorted(os.listdir(tmp_path / "frames")) == ["000000.png", "000001.png"]
    image = cv2.imread(str(tmp_path / "frames" / "000001.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(image, picture(SIZE, left=(1, 1, 2)).image)


def test_an_existing_folder_is_filled(tmp_path: Path) -> None:
    write(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["000000.png", "000001.png"]


def test_the_numbers_are_formatted_as_asked(tmp_path: Path) -> None:
    write(str(tmp_path / "me-%02d.PNG"))
    assert sorted(os.listdir(tmp_path)) == ["me-00.PNG", "me-01.PNG"]


def test_alpha_is_real(tmp_path: Path) -> None:
    write(f"{tmp_path}/", count=1, transparent=True)
    sent = picture(SIZE, left=(0, 1, 2), transparent=True)
    image = cv2.imread(str(tmp_path / "000000.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(image, np.dstack([sent.image, sent.alpha]))


def test_one_name_for_many_pictures_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        open_output("me.png", transparent=False)
    assert "me-%05d.png" in caught.value.remedy


@pytest.mark.parametrize("name", ["%s.png", "%d-%d.png", "%.png"])
def test_a_pattern_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        ImageFolder(Path(name))


def test_a_folder_that_cannot_be_made_is_found_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"Cannot create the folder .*: No such file"):
        ImageFolder(tmp_path / "missing" / "frames").open(SIZE, RATE)
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match=r"Cannot create the folder .*: File exists"):
        ImageFolder(tmp_path / "file").open(SIZE, RATE)


def send_many(sink: ImageFolder) -> None:
    for index in range(20):
        sink.send(picture(SIZE, index))


def test_a_full_disk_is_an_error_and_keeps_every_picture(tmp_path: Path) -> None:
    with small_disk(tmp_path, "40k"):
        sink = ImageFolder(tmp_path)
        sink.open(SIZE, RATE)
        with pytest.raises(SinkError, match="No space left on device"):
            send_many(sink)
        sink.abort()
        written = sorted(os.listdir(tmp_path))
        assert written == [f"{index:06}.png" for index in range(len(written))]
        assert len(written) >= 5
        assert all(cv2.imread(str(tmp_path / each)) is not None for each in written)


@pytest.mark.parametrize("name", ["out.mp4", "folder/out.WEBM"])
def test_other_names_are_videos(name: str) -> None:
    assert isinstance(open_output(name, transparent=False), VideoWriter)
    with pytest.raises(UsageError):
        open_output("out.txt", transparent=False)
