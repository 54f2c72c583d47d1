from __future__ import annotations

import importlib.util
import os
import runpy
import subprocess
import sys
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from livematte import Matter
from livematte.frame import Image, Size
from livematte.sources import Demo
from tests.photos.pictures import portrait, write_photo

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_ray_data_mattes_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for index, side in enumerate((128, 128, 96)):
        write_photo(tmp_path / "in" / f"{index}.png", side=side)
    finished = subprocess.run(
        [sys.executable, ROOT / "examples" / "ray_mattes.py", tmp_path / "in", tmp_path / "out"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_TMPDIR": "/tmp"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    import pyarrow.parquet

    rows = [
        row
        for file in sorted((tmp_path / "out").glob("*.parquet"))
        for row in pyarrow.parquet.read_table(file).to_pylist()
    ]
    assert sorted(Path(row["path"]).name for row in rows) == ["0.png", "1.png", "2.png"]
    for row in rows:
        alpha = cv2.imdecode(np.frombuffer(row["png"], np.uint8), cv2.IMREAD_UNCHANGED)
        assert alpha is not None
        expected = Matter().matte(portrait(alpha.shape[0])) * 255
        assert np.abs(alpha - expected).max() <= 1


def test_the_opencv_loop_shows_a_video_with_nothing_of_its_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size, stripe_pixels, frames = Size(320, 180), 8, 6
    writer = cv2.VideoWriter(str(tmp_path / "me.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 30, size)
    with Demo(size, realtime=False) as demo:
        for frame in islice(demo.frames(), frames):
            stripes = np.arange(size.width) // stripe_pixels % 2 * 255
            frame.image[:30] = stripes[None, :, None]
            writer.write(frame.image)
            demo.recycle(frame)
    writer.release()
    shown: list[Image] = []
    monkeypatch.setattr(cv2, "imshow", lambda _title, image: shown.append(image))
    monkeypatch.setattr(cv2, "pollKey", lambda: -1)
    example = runpy.run_path(str(ROOT / "examples" / "live_frames.py"))
    example["main"](str(tmp_path / "me.mp4"))
    assert len(shown) == frames
    for each in shown:
        blue, green, red = np.moveaxis(each[100:].astype(int), 2, 0)
        orange = (red > 180) & (green < 140) & (blue < 100)
        assert orange.mean() > 0.01, "the astronaut's suit"
        assert np.ptp(each[:20].astype(int).mean(axis=(0, 2))) < 60, "stripes of the room"
