from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from livematte import Matter
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
