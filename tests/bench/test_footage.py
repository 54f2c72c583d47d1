from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from livematte.bench.footage import (
    find_footage,
    read_background,
    read_frame,
    read_pair,
)
from livematte.errors import BackgroundError, LivematteError, SourceError, UsageError
from tests.bench.labelled import disc, room, write, write_all, write_clip, write_pair


def test_what_is_labelled_is_found_and_the_rest_left_alone(tmp_path: Path) -> None:
    write_all(tmp_path)
    write(tmp_path / "photos" / "unlabelled.jpg", room())
    write_clip(tmp_path / "opaque", [room(), room()])
    write_clip(tmp_path / "alone", [disc(20, 30, 15)])
    (tmp_path / "webcam").mkdir()
    (tmp_path / "webcam" / "talk.mkv").write_bytes(b"a video")
    write(tmp_path / "photos" / "._bob_alpha.png", room())
    footage = find_footage(tmp_path)
    photos = tmp_path / "photos"
    assert footage.pairs == (
        ("photos/ann", photos / "ann.jpg", photos / "ann_alpha.png"),
        ("photos/bob", photos / "bob.jpg", photos / "bob_alpha.png"),
    )
    (clip,) = footage.clips
    assert clip == ("clip", tuple(tmp_path / "clip" / f"000{i}.png" for i in range(5)))
    assert [path.name for path in footage.backgrounds] == ["room0.png", "room1.png"]


def test_a_flat_folder_will_do(tmp_path: Path) -> None:
    folder = tmp_path / "backgrounds"  # whatever it is called
    write_pair(folder, "me", disc(20, 30, 15))
    write_clip(folder, [disc(20, 30, 15 + time) for time in range(3)])
    write(folder / "backgrounds" / "a.jpg", room())
    footage = find_footage(folder)
    assert [pair.name for pair in footage.pairs] == ["me"]
    assert [clip.name for clip in footage.clips] == ["backgrounds"]
    assert len(footage.backgrounds) == 1


def test_links_are_followed_and_circles_ended(tmp_path: Path) -> None:
    write_all(tmp_path / "elsewhere")
    (tmp_path / "chosen").mkdir()
    for name in ("clip", "backgrounds"):
        (tmp_path / "chosen" / name).symlink_to(tmp_path / "elsewhere" / name)
    (tmp_path / "chosen" / "circle").symlink_to(tmp_path / "chosen")
    footage = find_footage(tmp_path / "chosen")
    assert ([clip.name for clip in footage.clips], footage.pairs) == (["clip"], ())
    assert len(footage.backgrounds) == 2


def test_pairs_with_numbers_are_no_clip(tmp_path: Path) -> None:
    for name in ("1", "2", "3"):
        write_pair(tmp_path, name, disc(20, 30, 15))
        write(tmp_path / f"{name}.png", disc(20, 30, 15))  # even if they have alpha
    footage = find_footage(tmp_path)
    assert (len(footage.pairs), footage.clips) == (3, ())


def test_frames_go_by_their_number_and_clips_by_what_stands_before_it(tmp_path: Path) -> None:
    for name in ("a10", "a9", "b1", "b2"):
        write(tmp_path / "clips" / f"{name}.png", disc(20, 30, 15))
    write(tmp_path / "backgrounds" / "a.jpg", room())
    first, second = find_footage(tmp_path).clips
    assert (first.name, [path.stem for path in first.frames]) == ("clips/a", ["a9", "a10"])
    assert (second.name, [path.stem for path in second.frames]) == ("clips/b", ["b1", "b2"])


def test_a_folder_without_labels_or_backgrounds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        find_footage(tmp_path / "none")
    write(tmp_path / "backgrounds" / "a.jpg", room())
    with pytest.raises(UsageError, match="no labelled footage"):
        find_footage(tmp_path)
    write_clip(tmp_path / "only" / "clip", [disc(20, 30, 15)] * 2)
    with pytest.raises(UsageError, match="no backgrounds to put them in front of"):
        find_footage(tmp_path / "only")


def test_a_matte_belongs_to_one_picture(tmp_path: Path) -> None:
    write(tmp_path / "me_alpha.png", room())
    with pytest.raises(SourceError, match="no picture"):
        find_footage(tmp_path)
    write(tmp_path / "me.jpg", room())
    write(tmp_path / "me.png", room())
    with pytest.raises(SourceError, match=r"both me\.jpg and me\.png"):
        find_footage(tmp_path)


def test_a_pair_is_read_as_rgb_and_a_true_matte(tmp_path: Path) -> None:
    image = disc(20, 30, 15, colour=(10, 120, 250))
    write_pair(tmp_path, "me", image)
    (pair,) = find_footage(tmp_path).pairs
    rgb, alpha = read_pair(pair)
    np.testing.assert_array_equal(rgb, image[..., 2::-1])
    assert alpha.dtype == np.float32
    np.testing.assert_allclose(alpha, image[..., 3] / 255, atol=1e-6)


def test_a_matte_of_another_size_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path, "me", disc(20, 30, 15))
    write(tmp_path / "me_alpha.png", room(30, 20))
    (pair,) = find_footage(tmp_path).pairs
    with pytest.raises(SourceError, match="is 20x30, but its picture is 30x20"):
        read_pair(pair)


def test_a_frame_is_read_as_bgr_and_straight_alpha(tmp_path: Path) -> None:
    image = disc(20, 30, 15, colour=(10, 120, 250))
    colours, alpha = read_frame(write(tmp_path / "0.png", image))
    seen = image[..., 3] > 0
    np.testing.assert_array_equal(colours[seen], image[..., :3][seen])
    np.testing.assert_allclose(alpha, image[..., 3] / 255, atol=1e-6)


def test_a_frame_without_alpha_and_broken_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no alpha"):
        read_frame(write(tmp_path / "0.png", room()))
    broken = tmp_path / "broken.png"
    broken.write_bytes(cv2.imencode(".png", disc(20, 30, 15))[1].tobytes()[:200])
    with pytest.raises(SourceError, match=r"broken\.png is damaged"):
        read_frame(broken)
    with pytest.raises(BackgroundError, match=r"broken\.png") as raised:
        read_background(broken)
    assert isinstance(raised.value, LivematteError)
    assert raised.value.remedy
