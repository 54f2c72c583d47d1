"""Damages the sound of clips and has each written with pictures that come from elsewhere.

    python -m tests.video.fuzz_sound FOLDER SEED FIRST COUNT

FOLDER holds the clips. It says which case is next before each, so that a crash can be told from the
output, and in the end how many there were. A case is known by its seed and number.
"""

from __future__ import annotations

import faulthandler
import random
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from livematte.frame import Rendered, Size
from livematte.media.video.colour import BT709_LIMITED
from livematte.media.whole_file import Taken
from livematte.sinks import VideoWriter

SIZE = Size(64, 48)
PICTURES = 16
RATE = Fraction(10)
ENDINGS = (".mp4", ".mov", ".mkv", ".webm")

HEADER_BYTES = 700
"""Matroska, ASF, AVI and TS tell of their tracks at the beginning."""


class Pictures:
    """A recording whose pictures are no worse for what is done to its sound."""

    colour = BT709_LIMITED
    pixel_aspect = None
    first_seconds = Fraction(0)
    tick_seconds = 1 / RATE
    last_seconds = (PICTURES - 1) / RATE
    last_duration_seconds = 1 / RATE

    def __init__(self, path: Path, start: Fraction | None = None, end: Fraction | None = None):
        self.path = path
        self.start_seconds, self.end_seconds = start, end
        self.zero_seconds = start or Fraction(0)
        self.first_seconds = self.zero_seconds
        self.last_seconds = self.first_seconds + (PICTURES - 1) / RATE


def write(recording: Pictures, path: Path) -> VideoWriter:
    """Write all pictures, with the sound of the recording."""
    image = np.full((SIZE.height, SIZE.width, 3), 128, np.uint8)
    alpha = np.zeros((SIZE.height, SIZE.width), np.uint8)
    writer = VideoWriter(path, recording=recording, taken=Taken.REPLACE)
    writer.open(SIZE, RATE)
    for index in range(PICTURES):
        writer.send(Rendered(image, alpha, index, 0.0, index / 10))
    writer.close()
    return writer


def damage(data: bytearray, chance: random.Random, packets: list[tuple[int, int]]) -> None:
    """Change a few bytes of the sound, or of what the file says of it."""
    kind = chance.choice(("packets", "packets", "header", "header", "all", "cut", "boxes"))
    spots: list[int] = []
    if kind == "packets" and packets:
        for _ in range(chance.randint(1, 6)):
            at, size = chance.choice(packets)
            run = chance.randint(1, min(size, chance.choice((1, 4, 64, size))))
            begin = at + (0 if chance.random() < 0.3 else chance.randrange(size - run + 1))
            data[begin : begin + run] = chance.randbytes(run)
        return
    if kind == "boxes":
        names = (b"soun", b"stsd", b"esds", b"chan", b"stts", b"stsc", b"stsz", b"mdhd", b"elst")
        found = [data.rfind(each) for each in names]
        spots = [each + chance.randrange(40) for each in found if each >= 0]
        spots = chance.sample(spots, min(len(spots), chance.randint(1, 2)))
    if kind == "header" or (kind == "boxes" and not spots):
        spots = [
            chance.randrange(min(len(data), HEADER_BYTES)) for _ in range(chance.randint(1, 4))
        ]
        if data.find(b"moov") > 0:
            tail = len(data) - data.rfind(b"moov")
            spots = [len(data) - 1 - chance.randrange(tail) for _ in spots]
    if kind == "all":
        spots = [chance.randrange(len(data)) for _ in range(chance.randint(1, 30))]
    for spot in spots:
        if spot < len(data):
            data[spot] = chance.choice(
                (0, 255, chance.randrange(256), data[spot] ^ 1 << chance.randrange(8))
            )
    if kind == "cut":
        del data[chance.randrange(len(data) // 4, len(data)) :]


def packets_of(path: Path) -> list[tuple[int, int]]:
    with av.open(str(path)) as container:
        return [
            (packet.pos, packet.size)
            for packet in container.demux(container.streams.audio[0])
            if packet.pos is not None and packet.pos >= 0 and packet.size
        ]


def check(path: Path) -> tuple[int, float]:
    """How many pictures there are, and how long it is."""
    with av.open(str(path)) as container:
        count = sum(1 for packet in container.demux(video=0) if packet.size)
        return count, (container.duration or 0) / 1e6


def main(folder: Path, seed: int, first: int, count: int) -> None:
    faulthandler.enable()
    clips = sorted(folder.glob("*.*"))
    sounds = [packets_of(each) for each in clips]
    tally: dict[str, int] = {}
    slowest = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(first, first + count):
            print(f"case {seed}:{number}", flush=True)
            chance = random.Random(f"{seed}:{number}")
            which = chance.randrange(len(clips))
            data = bytearray(clips[which].read_bytes())
            damage(data, chance, sounds[which])
            clip = Path(scratch) / f"clip{clips[which].suffix}"
            clip.write_bytes(data)
            start = Fraction(chance.randrange(1, 10), 10) if chance.random() < 0.2 else None
            end = (start or 0) + Fraction(PICTURES, 10) if chance.random() < 0.2 else None
            output = Path(scratch) / f"out{chance.choice(ENDINGS)}"
            began = time.monotonic()
            writer = write(Pictures(clip, start, end), output)
            slowest = max(slowest, time.monotonic() - began)
            pictures, seconds = check(output)
            if pictures != PICTURES:
                raise AssertionError(f"{pictures} pictures of {PICTURES}: {writer.remarks}")
            for each in (*(_kind(remark) for remark in writer.remarks), *["long"] * (seconds > 5)):
                tally[each] = tally.get(each, 0) + 1
    print(f"done {count} cases, the slowest {slowest:.1f} s, {tally}", flush=True)


def _kind(remark: str) -> str:
    return " ".join(remark.split()[:4]) if not remark[:1].isdigit() else "damaged packets"


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
