from __future__ import annotations

import json
import os
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from livematte.background import Background, Picture
from livematte.bench import quality
from livematte.bench.contact_sheet import Row
from livematte.bench.footage import Footage, find_footage, read_background
from livematte.bench.quality import matter_of, measure_quality
from livematte.bench.quality_report import Errors, Measured, QualityReport
from livematte.bench.scene import Shot, scenes_of
from livematte.cli.app import app
from livematte.errors import RenderError
from livematte.frame import Frame, Rendered, Size
from livematte.options.refinement import PLAIN, QUALITIES, Refinement
from livematte.options.rendering import AUTO, CPU, TORCH_CPU, RenderOptions
from livematte.render.renderer import OpenedRenderer
from livematte.render.timings import Timings
from tests.bench.labelled import person, room, write, write_all, write_clip, write_pair
from tests.lab import SHARED
from tests.test_cli import livematte

SETTINGS = ["plain 288", "plain 512", "product"]


class Knowing:
    """A renderer that knows each frame's true matte, and gives the one of `late` frames before.

    Like real ones it has several frames in flight and writes pictures into the same arrays.
    """

    depth = 2
    description = "knowing renderer"

    def __init__(self, shots: list[Shot], late: int, opened: list[Knowing]) -> None:
        self.timings = Timings()
        self.closed = False
        self.submitted: list[Frame] = []
        self._late = late
        self._shots = shots
        self._in_flight: deque[tuple[Frame, Background]] = deque()
        self._image = np.zeros_like(shots[0].image)
        self._alpha = np.zeros(shots[0].alpha.shape, np.uint8)
        opened.append(self)

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        return True

    def submit(
        self, frame: Frame, background: Background, refinement: Refinement | None = None
    ) -> bool:
        if len(self._in_flight) == self.depth:
            return False
        np.testing.assert_array_equal(frame.image, self._shots[frame.index].image)
        self._in_flight.append((frame, background))
        self.submitted.append(frame)
        return True

    def collect(self, timeout_seconds: float) -> Rendered | None:
        if not self._in_flight:
            return None
        frame, background = self._in_flight.popleft()
        assert isinstance(background, Picture)
        alpha = self._shots[max(0, frame.index - self._late)].alpha
        np.copyto(self._alpha, np.rint(alpha * 255), casting="unsafe")
        np.copyto(self._image, background.picture_at(frame.size, frame.media_seconds))
        shot = self._shots[frame.index]
        self._image[shot.soft] = np.rint(shot.soft_colours) + 2
        return Rendered(
            self._image, self._alpha, frame.index, frame.captured_seconds, frame.media_seconds
        )

    def close(self) -> None:
        self.closed = True


def measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch, late: int = 0, **options: Any
) -> tuple[QualityReport, list[Knowing]]:
    """Clips only, with renderers that know; the product's is `late`."""
    footage = replace(find_footage(folder), pairs=())
    limits = {name: options[name] for name in ("frames", "backgrounds") if name in options}
    scenes = iter(
        [scene for scene in scenes_of(footage, **limits) for _ in SETTINGS]  # each opens its own
    )
    opened: list[Knowing] = []

    def open_knowing(asked: RenderOptions, size: Size) -> OpenedRenderer:
        scene = next(scenes)
        assert size == scene.size()
        is_product = asked.refinement != PLAIN
        knowing = Knowing(list(scene.shots()), late if is_product else 0, opened)
        return OpenedRenderer(knowing, "")

    monkeypatch.setattr(quality, "open_renderer", open_knowing)
    return measure_quality(footage, RenderOptions(), **options), opened


def test_each_matte_is_held_against_its_own_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    folder = write_all(tmp_path)
    report, opened = measured(folder, monkeypatch, on_progress=told.append)
    assert [each.name for each in report.pictures] == [
        *("clip on room0, close-up", "clip on room1, close-up"),
        *("clip on room0, 16:9", "clip on room1, 16:9"),
    ]
    for picture in report.pictures:
        assert list(picture.errors) == SETTINGS
        assert picture.frames == 5
        for errors in picture.errors.values():
            assert errors.mad == pytest.approx(0, abs=1e-4)
            assert errors.dtssd == pytest.approx(0, abs=1e-3)
            assert errors.lag_frames is None, "so few frames do not tell"
            assert errors.colour_levels == pytest.approx(2, abs=0.5)
    assert len(opened) == 4 * 3, "a fresh one for every clip"
    assert all(each.closed for each in opened)
    assert [frame.index for frame in opened[0].submitted] == list(range(5))
    assert report.settings == dict.fromkeys(SETTINGS, ("knowing renderer",))
    assert "clip 2 of 4: clip on room1, close-up, frame 3 of 5" in told


def test_a_late_product_is_told_from_the_plain_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, _ = measured(write_all(tmp_path, frames=12, rooms=1), monkeypatch, late=1)
    for picture in report.pictures:
        assert picture.errors["plain 288"].lag_frames == 0
        lag = picture.errors["product"].lag_frames
        assert lag == pytest.approx(1, abs=0.3)
        assert (picture.errors["product"].mad or 0) > 0.005


def test_a_look_is_at_the_middle_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = []
    folder = write_all(tmp_path)
    report, _ = measured(folder, monkeypatch, frames=4, backgrounds=1, on_row=rows.append)
    assert [each.frames for each in report.pictures] == [4, 4]
    assert [row.name for row in rows] == [each.name for each in report.pictures]
    footage = replace(find_footage(folder), pairs=())
    for row, scene in zip(rows, scenes_of(footage, backgrounds=1), strict=True):
        assert list(row.pictures) == ["picture", "true matte", *SETTINGS, "product, composite"]
        shot = list(scene.shots())[2]
        expected = Row("", {**row.pictures, "picture": shot.image}).reduced().pictures["picture"]
        np.testing.assert_array_equal(row.pictures["picture"], expected)
        for name in SETTINGS:
            np.testing.assert_array_equal(row.pictures[name], row.pictures["true matte"])
        corner = row.pictures["product, composite"][2, 2]
        new = read_background(footage.backgrounds[1])[2, 2]
        assert np.abs(corner.astype(int) - new).max() <= 1


def test_a_renderer_that_gives_nothing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Knowing, "collect", lambda _self, _timeout: None)
    with pytest.raises(RenderError, match="knowing renderer gave no picture"):
        measured(write_all(tmp_path), monkeypatch)


def test_plain_is_the_network_alone_and_the_product_as_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[RenderOptions, Size]] = []

    def open_none(options: RenderOptions, frame_size: Size) -> OpenedRenderer:
        asked.append((options, frame_size))
        if len(asked) == len(SETTINGS):
            raise RenderError("That is enough.", "Stop.")
        return OpenedRenderer(Knowing(shots, 0, []), "")

    footage = replace(find_footage(write_all(tmp_path)), pairs=())
    shots = list(scenes_of(footage)[0].shots())
    best = RenderOptions(TORCH_CPU, "fp32", refinement=QUALITIES["best"])
    monkeypatch.setattr(quality, "open_renderer", open_none)
    with pytest.raises(RenderError, match="enough"):
        measure_quality(footage, best)
    assert [each for each, _ in asked] == [
        RenderOptions(CPU, "fp32", 288, refinement=PLAIN),
        RenderOptions(CPU, "fp32", 512, refinement=PLAIN),
        best,
    ]
    assert all(size == (64, 48) for _, size in asked)


def test_photos_by_the_product_are_as_in_the_image_command() -> None:
    matter = matter_of(RenderOptions())
    assert matter.matte_short_side == 288
    assert matter._options == RenderOptions(AUTO, "fp32", 288)
    matter = matter_of(RenderOptions(precision="int8", matte_short_side=320))
    assert matter.matte_short_side == 320
    assert matter._options.precision == "int8"


@pytest.fixture(scope="module")
def footage_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portrait as a photo and as a clip of three frames."""
    folder = tmp_path_factory.mktemp("labelled")
    image = person(288, 0)
    alpha = image[..., 3:] / 255
    behind = room(288, 384, tone=110)
    photo = np.rint(alpha * image[..., :3] + (1 - alpha) * behind).astype(np.uint8)
    write_pair(folder, "portrait", np.dstack((photo, image[..., 3])))
    write_clip(folder / "clip", [person(144, 4 * time) for time in range(3)])
    write(folder / "backgrounds" / "hills.png", room(tone=110))
    return folder


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The larger plain network is a smaller one, which takes a third of the time."""
    monkeypatch.setitem(quality.PLAIN_SHORT_SIDES, "plain 512", 256)


@pytest.mark.usefixtures("_quick")
def test_the_command_measures_real_mattes(footage_folder: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    arguments = (
        *("bench", "quality", str(footage_folder), "--frames", "2", "--precision", "fp32"),
        *("--quality", "fast", "--matte-size", "224", "--noise", "1"),
        *("--contact-sheet", str(sheet)),
    )
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert [(each["name"], each["frames"]) for each in report["pictures"]] == [
        ("portrait", 1),
        ("clip on hills, close-up", 2),
        ("clip on hills, 16:9", 2),
    ]
    assert report["noise_levels"] == 1
    for each in report["pictures"]:
        for name, errors in each["errors"].items():
            assert 0 < errors["mad"] < 0.1, (each["name"], name)
    assert report["settings"]["product"] == [
        "photos: OpenVINO fp32 on the CPU, short side 224",
        "OpenVINO fp32 on the CPU, matte at 288x224",
        "OpenVINO fp32 on the CPU, matte at 384x224",
    ]
    assert "OpenVINO fp32 on the CPU, matte at 512x288" in report["settings"]["plain 288"]
    assert "sheet.png" in result.stderr
    written = cv2.imread(str(sheet))
    assert written is not None
    assert written.shape[1] == 1600


def test_the_command_prints_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: dict[str, Any] = {}
    errors = {name: Errors(0.01, 0.001, 1, 2, 3) for name in SETTINGS}

    def measure(_footage: Footage, product: RenderOptions, **options: Any) -> QualityReport:
        asked.update(options, product=product)
        return QualityReport(
            dict.fromkeys(SETTINGS, ("network",)), 0, (Measured("ann", "photos", 1, errors),)
        )

    monkeypatch.setattr(quality, "measure_quality", measure)
    folder = write_all(tmp_path)
    result = CliRunner().invoke(app, ["bench", "quality", str(folder), "--backgrounds", "3"])
    assert result.exit_code == 0, result.stderr
    assert "average of the groups" in result.stdout
    assert "ann" in result.stdout
    assert asked["product"] == RenderOptions(refinement=QUALITIES["balanced"])
    assert (asked["frames"], asked["backgrounds"], asked["noise_levels"]) == (None, 3, 0)


def test_what_cannot_be_measured_is_told(tmp_path: Path) -> None:
    code, out, err = livematte("bench", "quality", tmp_path)
    assert (code, out) == (2, "")
    assert "no labelled footage" in err
    code, _, err = livematte("bench", "--rounds", "2", "quality", tmp_path)
    assert code == 2
    assert "come after its name" in err


def test_help_tells_of_both_benches() -> None:
    code, out, _ = livematte("bench", "--help")
    assert code == 0
    for part in ("--official", "--rounds", "quality"):
        assert part in out
    code, out, _ = livematte("bench", "quality", "--help")
    assert code == 0
    for part in ("backgrounds/", "--noise", "--contact-sheet", "Rhemann", "Erofeev"):
        assert part in out


@pytest.mark.skipif(
    not os.access(SHARED / "media", os.R_OK), reason="the footage is not beside the checkout"
)
@pytest.mark.usefixtures("_quick")
def test_real_people_are_matted_about_as_well_as_they_were(tmp_path: Path) -> None:
    media = SHARED / "media"
    (tmp_path / "clip").symlink_to(media / "pairs-clip")
    write(tmp_path / "backgrounds" / "a.png", read_background(media / "backgrounds/Bookshelf.jpg"))
    for name in ("819ea202.jpg", "819ea202_alpha.png"):
        (tmp_path / name).symlink_to(media / "portraits" / name)
    report = measure_quality(find_footage(tmp_path), RenderOptions(), frames=3)
    groups = report.groups()
    assert list(groups) == ["photos", "close-up", "16:9", "all"]
    for name, most in {"photos": 0.01, "close-up": 0.02, "16:9": 0.005}.items():
        for setting in SETTINGS:
            assert 0 < (groups[name][setting].mad or 1) < most, (name, setting)
