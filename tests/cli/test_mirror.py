"""What everyone sees, in the mirror."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.runs import livematte


def test_mirror_flips_what_is_sent_and_the_settings_file_knows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mirror.toml").write_text("mirror = true\n")
    room = np.random.default_rng(0).integers(0, 255, (180, 320, 3), np.uint8)
    cv2.imwrite("beach.png", room)
    pictures = {}
    for name, words in {
        "plain": (),
        "mirrored": ("--mirror",),
        "set": ("--config", "mirror.toml"),
        "unset": ("--config", "mirror.toml", "--no-mirror"),
    }.items():
        ended = livematte(
            *("--demo", "--no-realtime", "--frames", "1", "--size", "320x180", "--no-preview"),
            *(
                "--device",
                "cpu",
                "--matte-size",
                "224",
                "-b",
                "beach.png",
                "-o",
                f"{name}/",
                *words,
            ),
        )
        assert ended.code == 0, ended.said
        picture = cv2.imread(f"{name}/000000.png")
        assert picture is not None
        pictures[name] = picture
    np.testing.assert_array_equal(pictures["mirrored"], cv2.flip(pictures["plain"], 1))
    np.testing.assert_array_equal(pictures["set"], pictures["mirrored"])
    np.testing.assert_array_equal(pictures["unset"], pictures["plain"])
