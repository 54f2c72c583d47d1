"""Files that claim to hold enormous pictures are refused before they are decoded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.properties.bombs import PICTURES, write_video

MOST_MEGABYTES: Final = 60
"""By which the memory may grow; the smallest bomb would need 600."""

PROGRAM: Final = """
import json, sys
from pathlib import Path

from livematte.backgrounds.parse import parse
from livematte.bench.memory import memory_of_this_process
from livematte.errors import LivematteError
from livematte.frame import Size
from livematte.sources.samples import read_frames
from livematte.media.photo.read import open_photo
from livematte.sources import VideoFile

def photo(path):
    with open_photo(path) as opened:
        opened.decode()

def background(path):
    parse(str(path)).picture_at(Size(64, 36), 0.0)

def video(path):
    with VideoFile(path, realtime=False) as video:
        next(video.frames())

def frames(path):
    list(read_frames([path]))

def peak_bytes():
    return memory_of_this_process().peak_bytes

ways = {"photo": photo, "background": background, "video": video, "frames": frames}
harmless = Path(sys.argv[1], "harmless.png")
for way in ways.values():  # so that the libraries' own memory is not counted
    try:
        way(harmless)
    except LivematteError:
        pass
found = {}
for path in map(Path, sys.argv[2:]):
    for name, way in ways.items():
        before = peak_bytes()
        try:
            way(path)
            said = ""
        except LivematteError as error:
            said = str(error)
        found[f"{path.name} as {name}"] = said, (peak_bytes() - before) / 1e6
print(json.dumps(found))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the peak")
def test_bombs_are_refused_before_they_take_memory(tmp_path: Path) -> None:
    """In a process of its own: one that fails to refuse may take all the memory there is."""
    from tests.photos.pictures import write_photo

    write_photo(tmp_path / "harmless.png")
    paths = []
    for name, data in PICTURES.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    paths += [write_video(tmp_path / f"{side}.mkv", side) for side in (12_000, 32_000, 65_535)]
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    found = json.loads(finished.stdout)
    assert len(found) == 4 * len(paths)
    for what, (said, megabytes) in found.items():
        assert megabytes < MOST_MEGABYTES, (what, megabytes, said)
        # FFmpeg sees no more of a HEIF file than the small picture that is in it.
        assert said or ("heif" in what and "as video" in what), what


def test_the_limit_of_videos_is_said(tmp_path: Path) -> None:
    from livematte.errors import SourceError
    from livematte.sources import VideoFile

    path = write_video(tmp_path / "bomb.mkv", 32_000)
    with pytest.raises(SourceError, match="more than 100 megapixels"), VideoFile(path):
        pass
    with VideoFile(write_video(tmp_path / "honest.mkv", 1000), realtime=False) as video:
        assert len(list(video.frames())) == 1
