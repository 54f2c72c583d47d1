"""`livematte image` and `livematte video` as a person meets them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from tests.network.pictures import astronaut_photo
from tests.photos.pictures import KINDS, read_pixels, write_photo
from tests.test_cli import livematte, start, wait_until

QUICK = ("--matte-size", "224", "--precision", "auto")


def write_mixed_folder(folder: Path) -> None:
    """180 photos of all kinds, and 20 that are none, in five ways."""
    for index in range(180):
        kind = KINDS[index % len(KINDS)]
        write_photo(folder / f"photo.{index}.{kind.rpartition('.')[2]}", kind, side=64)
    whole = write_photo(folder / "whole.jpg").read_bytes()
    (folder / "whole.jpg").unlink()
    for index in range(4):
        (folder / f"cut.{index}.jpg").write_bytes(whole[: 1500 + 500 * index])
        (folder / f"zero.{index}.png").touch()
        (folder / f"text.{index}.heic").write_text("not a photo")
        (folder / f"folder.{index}.jpg").mkdir()
        locked = folder / f"locked.{index}.png"
        write_photo(locked)
        locked.chmod(0)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX's")
def test_a_folder_of_200_files_of_which_20_are_broken(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write_mixed_folder(folder)
    command = [sys.executable, "-m", "livematte", "image", str(folder), *QUICK]
    command += ["--output", str(tmp_path / "out"), "--zip", str(tmp_path / "all.zip")]
    if os.geteuid() == 0:  # root reads everything, unless told not to
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("setpriv is not installed, and root may read everything")
        drop = "-dac_override,-dac_read_search"
        command = [setpriv, "--bounding-set", drop, "--inh-caps", drop, *command]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 1, finished.stderr
    results = list((tmp_path / "out").iterdir())
    assert len(results) == 180
    for path in results:
        assert read_pixels(path).shape == (64, 64)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert len(archive.namelist()) == 180
    reasons = [line for line in finished.stderr.splitlines() if " failed: " in line]
    assert len(reasons) == 20
    for reason in ("damaged", "is empty", "no picture of", "a folder", "Permission denied"):
        assert sum(reason in line for line in reasons) == 4, reason
    assert "180 done, 20 failed" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_photos_of_one_stem_are_told_and_kept_apart(tmp_path: Path) -> None:
    for name in ("x.jpg", "x.png", "a.b.jpg"):
        write_photo(tmp_path / name, side=64)
    out = tmp_path / "out"
    code, _, err = livematte("image", tmp_path, *QUICK, "--output", out, "--save", "cutout")
    assert code == 0, err
    assert {each.name for each in out.iterdir()} == {"x.jpg.png", "x.png.png", "a.b.png"}
    assert err.count("share its stem") == 2
    code, _, err = livematte("image", tmp_path / "a.b.jpg", *QUICK, "--output", out)
    assert code == 1
    assert "a.b.png already exists" in err


def test_the_matte_has_the_photos_size_and_shape(tmp_path: Path) -> None:
    Pillow.fromarray(astronaut_photo()).save(tmp_path / "astronaut.png")
    code, _, err = livematte("image", tmp_path / "astronaut.png", "-o", tmp_path / "out")
    assert code == 0, err
    alpha = read_pixels(tmp_path / "out" / "astronaut.png")
    assert alpha.shape == (512, 512)
    assert alpha[150, 220] == 255  # the face
    assert alpha[40, 360] == 0  # the wall


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_ctrl_c_keeps_the_mattes_that_are_done(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for index in range(300):
        write_photo(folder / f"{index:03}.jpg", side=300)
    out = tmp_path / "out"
    process = start("image", folder, "--output", out, "--zip", tmp_path / "all.zip")
    wait_until(lambda: out.exists() and len(list(out.glob("*.png"))) >= 3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    done = len(list(out.iterdir()))
    assert 3 <= done < 300
    assert f"{done} done, {300 - done} not tried" in err
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert len(archive.namelist()) == done


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("image", "missing.jpg"), (1, "There is no such file")),
        (("image", "missing.jpg", "--save", "ghost"), (2, "--save ghost is not known")),
        (("image", "missing.jpg", "--matte-size", "7"), (2, "Matte size '7'")),
        (("image", "missing.jpg", "--show"), (1, "display")),
        (("video", "missing.mp4", "-o", "out.mp4"), (1, "missing.mp4 cannot be read")),
        (("video", "in.mp4", "-o", "out.mp4", "--save", "cutout"), (2, "cannot be transparent")),
        (("video", "in.mp4", "-o", "out.mov", "--save", "cutout", "--quality", "9"), (2, "")),
        (("video", "in.mp4", "-o", "out.mp4", "--save", "ghost"), (2, "--save ghost")),
        (("video", "in.mp4", "-o", "o.mp4", "--on-bad-matte", "x"), (2, "--on-bad-matte x")),
    ],
)
def test_what_cannot_be_is_told(
    arguments: tuple[str, ...],
    expected: tuple[int, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[1]))
    monkeypatch.chdir(tmp_path)
    code, _, err = livematte(*arguments)
    assert (code, expected[1] in err) == (expected[0], True), err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def write_portrait_clip(path: Path, frames: int) -> None:
    """The astronaut, who does not move."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 256, 256, "yuv420p"
        image = np.ascontiguousarray(astronaut_photo()[::2, ::2])
        for _ in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))


def test_a_video_becomes_a_cutout_with_clean_colours(tmp_path: Path) -> None:
    write_portrait_clip(tmp_path / "in.mp4", 5)
    code, _, err = livematte(
        "video", tmp_path / "in.mp4", "-o", tmp_path / "out.mov", "--save", "cutout", *QUICK
    )
    assert code == 0, err
    assert "5 frames" in err
    with av.open(str(tmp_path / "out.mov")) as container:
        frames = [each.to_ndarray(format="rgba") for each in container.decode(video=0)]
    assert len(frames) == 5
    assert frames[0][75, 110, 3] > 250  # the face
    assert frames[0][20, 180, 3] < 5  # the wall


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_ctrl_c_keeps_the_part_of_a_video_that_is_done(tmp_path: Path) -> None:
    write_portrait_clip(tmp_path / "in.mp4", 2000)
    process = start("video", tmp_path / "in.mp4", "-o", tmp_path / "out.mp4", *QUICK)
    wait_until(lambda: any(each.stat().st_size for each in tmp_path.glob(".out*")))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "stopped early" in err
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert 0 < sum(1 for _ in container.decode(video=0)) < 2000
