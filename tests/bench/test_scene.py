from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livematte.bench.footage import find_footage, read_background, read_frame
from livematte.bench.scene import Framing, Scene, Shot, place, scenes_of
from livematte.errors import SourceError
from livematte.frame import Image, Size
from tests.bench.labelled import disc, room, write, write_all


def placed(frame: Image, behind: Image, new: Image, framing: Framing) -> Shot:
    alpha = (frame[..., 3] / 255).astype(np.float32)
    return place(frame[..., :3], alpha, behind, new, framing)


def test_close_up_is_the_clip_itself() -> None:
    frame, behind, new = disc(48, 64, 30), room(48, 64), room(48, 64, 130)
    shot = placed(frame, behind, new, Framing.CLOSE_UP)
    alpha = frame[..., 3:] / 255
    np.testing.assert_array_equal(
        shot.image, np.rint(alpha * frame[..., :3] + (1 - alpha) * behind)
    )
    np.testing.assert_allclose(shot.alpha, alpha[..., 0], atol=1e-6)
    soft = (alpha[..., 0] > 0.05) & (alpha[..., 0] < 0.95)
    np.testing.assert_array_equal(shot.soft, soft)
    expected = (alpha * frame[..., :3] + (1 - alpha) * new)[soft]
    np.testing.assert_allclose(shot.soft_colours, expected, atol=1e-3)


def test_in_16_9_the_frame_stands_in_the_middle_of_the_lower_edge() -> None:
    frame = np.full((100, 80, 4), 255, np.uint8)
    shot = placed(frame, room(720, 1280), room(720, 1280), Framing.ROOM)
    inside = np.zeros((720, 1280), bool)
    inside[-504:, (1280 - 403) // 2 : (1280 - 403) // 2 + 403] = True
    np.testing.assert_array_equal(shot.alpha == 1, inside)
    assert (shot.image[inside] == 255).all()
    np.testing.assert_array_equal(shot.image[~inside], room(720, 1280)[~inside])


def test_a_clip_that_would_be_too_wide_is_as_wide_as_the_frame() -> None:
    frame = np.full((100, 400, 4), 255, np.uint8)
    shot = placed(frame, room(720, 1280), room(720, 1280), Framing.ROOM)
    assert (shot.alpha[-320:] == 1).all()
    assert (shot.alpha[:-320] == 0).all()


@pytest.mark.parametrize("rows", [48, 900])
def test_enlarging_and_shrinking_make_no_fringe(rows: int) -> None:
    """A person of the room's colour cannot be seen, whatever transparent pixels hold."""
    colour = (90, 120, 150)
    frame = disc(rows, rows * 4 // 3, rows / 2, colour)
    behind = np.full((720, 1280, 3), colour, np.uint8)
    shot = placed(frame, behind, behind, Framing.ROOM)
    np.testing.assert_array_equal(shot.image, behind)
    assert shot.soft.any()
    np.testing.assert_allclose(shot.soft_colours, np.tile(colour, (shot.soft.sum(), 1)), atol=0.01)


def test_every_clip_comes_in_front_of_every_room_in_both_framings(tmp_path: Path) -> None:
    footage = find_footage(write_all(tmp_path, rooms=3))
    scenes = scenes_of(footage)
    names = [f"clip on room{room}, {framing}" for framing in ("close-up", "16:9") for room in "012"]
    assert [scene.name for scene in scenes] == names
    new = [scene.new_background and scene.new_background.stem for scene in scenes]
    assert new == ["room1", "room2", "room0"] * 2
    assert [scene.frames for scene in scenes] == [5] * 6


def test_a_quick_look_takes_the_first_frames_and_rooms(tmp_path: Path) -> None:
    footage = find_footage(write_all(tmp_path, rooms=3))
    scenes = scenes_of(footage, frames=2, backgrounds=1)
    assert [scene.name for scene in scenes] == ["clip on room0, close-up", "clip on room0, 16:9"]
    assert scenes[0].new_background == footage.backgrounds[1]
    assert [len(list(scene.shots())) for scene in scenes] == [2, 2]
    assert scenes_of(footage, frames=100)[0].frames == 5


def scene_of(folder: Path, **settings: float) -> Scene:
    scene = scenes_of(find_footage(write_all(folder)))[0]
    return replace(scene, **settings)  # type: ignore[arg-type]


def test_shots_are_composited_from_files(tmp_path: Path) -> None:
    scene = scene_of(tmp_path)
    assert scene.size() == (64, 48)
    shots = list(scene.shots())
    assert len(shots) == 5
    _, alpha = read_frame(scene.clip.frames[3])
    np.testing.assert_array_equal(shots[3].alpha, alpha)
    empty = alpha == 0
    tones = {int(each) for each in shots[3].image[empty].ravel()}
    assert tones <= {40, *range(41, 91)}
    assert scene.picture().description == "room1.png"
    assert (shots[3].soft_colours.max() <= 240).all()


def test_the_only_background_is_rendered_on_green(tmp_path: Path) -> None:
    scene = scenes_of(find_footage(write_all(tmp_path, rooms=1)))[0]
    assert scene.new_background is None
    shot = next(scene.shots())
    green = scene.picture().picture_at(Size(1, 1), 0.0)[0, 0]
    colours, alpha = read_frame(scene.clip.frames[0])
    weight = alpha[..., None]
    expected = (weight * colours + (1 - weight) * green)[shot.soft]
    np.testing.assert_allclose(shot.soft_colours, expected, atol=1e-3)


def test_noise_is_the_camera_s_alone_and_always_the_same(tmp_path: Path) -> None:
    clean = list(scene_of(tmp_path).shots())
    noisy = list(scene_of(tmp_path, noise_levels=4.0).shots())
    again = list(scene_of(tmp_path, noise_levels=4.0).shots())
    noise = [made.image.astype(int) - shot.image for made, shot in zip(noisy, clean, strict=True)]
    middle = (clean[0].image > 20) & (clean[0].image < 235)
    assert noise[0][middle].std() == pytest.approx(4, rel=0.05)
    assert abs(noise[0][middle].mean()) < 0.2
    assert (noise[0] != noise[1]).any(), "each frame has its own"
    for made, same, shot in zip(noisy, again, clean, strict=True):
        np.testing.assert_array_equal(made.image, same.image)
        np.testing.assert_array_equal(made.alpha, shot.alpha)
        np.testing.assert_array_equal(made.soft_colours, shot.soft_colours)


def test_noise_does_not_wrap_around(tmp_path: Path) -> None:
    write_all(tmp_path)
    write(tmp_path / "backgrounds" / "room0.png", np.zeros((90, 160, 3), np.uint8))
    scene = replace(scenes_of(find_footage(tmp_path))[0], noise_levels=5.0)
    shot = next(scene.shots())
    assert (read_background(scene.background) == 0).all()
    assert shot.image[shot.alpha == 0].max() < 40


def test_frames_of_several_sizes_are_refused(tmp_path: Path) -> None:
    scene = scene_of(tmp_path)
    write(scene.clip.frames[2], disc(40, 64, 30))
    shots = scene.shots()
    next(shots)
    next(shots)
    with pytest.raises(SourceError, match="is 64x40, but the first frame of its clip is 64x48"):
        next(shots)
