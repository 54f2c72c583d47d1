"""Clips with sound of every kind that the ffmpeg program can make, and what is heard of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

SECONDS = 1.6
BEEP_SECONDS = 0.1
BEEPS = (0.25, 0.75, 1.25)
"""When beeps begin, in every channel."""

MEASURED_RATE = 8000

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
VIDEO = {
    ".webm": ("-c:v", "libvpx", "-b:v", "200k"),
    ".mpg": ("-c:v", "mpeg1video", "-r", "25"),
}
TRIAL = ("-strict", "-2")
"""Allows what ffmpeg calls an experiment."""


class Sound(NamedTuple):
    """A kind of sound, as ffmpeg makes it. A layout of 12c has 12 channels without a place."""

    name: str
    encoder: str
    ending: str = ".mkv"
    layout: str = "stereo"
    rate: int = 48_000
    options: tuple[str, ...] = ()


def _kinds(name: str, encoder: str, ending: str, layouts: str) -> list[Sound]:
    return [Sound(f"{name} {each}", encoder, ending, each) for each in layouts.split()]


def _pcm(ending: str, formats: str) -> list[Sound]:
    return [Sound(f"PCM {each} in {ending}", f"pcm_{each}", ending) for each in formats.split()]


SOUNDS = [
    *_kinds("AAC", "aac", ".mkv", "mono stereo 5.1 7.1"),
    *_kinds("AAC", "aac", ".mp4", "5.1(side) 7.1(wide)"),
    Sound("AAC 5.0 in TS", "aac", ".ts", "5.0"),
    Sound("AAC in FLV", "aac", ".flv", "stereo", 44_100),
    Sound("AAC of 8 kHz", "aac", ".mp4", "mono", 8000),
    Sound("AAC of 96 kHz", "aac", ".mp4", "stereo", 96_000),
    Sound("MP3", "libmp3lame"),
    Sound("MP3 in AVI", "libmp3lame", ".avi", "mono", 22_050),
    Sound("MP2", "mp2", ".mpg"),
    Sound("AC-3", "ac3", layout="5.1(side)"),
    Sound("AC-3 in MP4", "ac3", ".mp4", "mono"),
    Sound("AC-3 in TS", "ac3", ".ts", "5.1(side)"),
    Sound("E-AC-3", "eac3", ".mp4", "5.1(side)"),
    Sound("E-AC-3 in TS", "eac3", ".ts"),
    Sound("DTS", "dca", layout="5.1(side)", options=TRIAL),
    Sound("TrueHD", "truehd", options=TRIAL),
    Sound("MLP", "mlp", options=TRIAL),
    Sound("FLAC", "flac", options=("-sample_fmt", "s16")),
    Sound("FLAC of 24 bits", "flac", ".mp4", "5.1", 96_000, ("-sample_fmt", "s32", *TRIAL)),
    Sound("FLAC 7.1", "flac", layout="7.1"),
    Sound("ALAC", "alac", ".mov", options=("-sample_fmt", "s32p")),
    Sound("ALAC 7.1(wide)", "alac", ".mov", "7.1(wide)"),
    *_kinds("Opus", "libopus", ".webm", "mono stereo 3.0 quad 5.0 5.1 6.1 7.1"),
    Sound("Opus 12c", "libopus", ".mkv", "12c", options=("-mapping_family", "255")),
    *_kinds("Vorbis", "libvorbis", ".webm", "mono stereo 5.1 7.1"),
    *_pcm(".mkv", "u8 s16le s16be s24le s24be s32le f32le f64le alaw mulaw"),
    *_pcm(".mov", "u8 s16le s16be s24le s24be s32le f32le f32be f64le alaw mulaw"),
    *_kinds("PCM", "pcm_s16le", ".mov", "5.1 5.1(side) 6.1 7.1 7.1(wide) 22.2 12c FC+FR+FL"),
    Sound("PCM hexadecagonal", "pcm_s16le", ".mov", "hexadecagonal"),
    Sound("PCM of 384 kHz", "pcm_s32le", ".mkv", "stereo", 384_000),
    Sound("PCM of 100 Hz", "pcm_s16le", ".mkv", "mono", 100),
    Sound("PCM of 63 channels", "pcm_s16le", ".mkv", "63c"),
    Sound("PCM in AVI", "pcm_s16le", ".avi", "stereo", 44_100),
    Sound("PCM in TS", "s302m", ".ts", options=TRIAL),
    *(Sound(each, each, rate=44_100) for each in ("adpcm_ms", "adpcm_ima_wav", "adpcm_yamaha")),
    Sound("adpcm_ima_qt", "adpcm_ima_qt", ".mov", rate=44_100),
    Sound("adpcm_swf", "adpcm_swf", ".flv", rate=44_100),
    Sound("WavPack", "wavpack", layout="5.1"),
    Sound("TTA", "tta"),
    Sound("WMA 1", "wmav1", ".asf", rate=44_100),
    Sound("WMA 2", "wmav2", ".asf", rate=44_100),
    Sound("Speex", "libspeex", ".mkv", "mono", 16_000),
    Sound("Speex in FLV", "libspeex", ".flv", "mono", 16_000),
    Sound("GSM", "libgsm_ms", ".avi", "mono", 8000),
    Sound("G.722", "g722", ".mkv", "mono", 16_000),
    Sound("Nellymoser", "nellymoser", ".flv", "mono", 22_050),
]


def make(folder: Path, sound: Sound, *more: str | Path) -> Path:
    """A clip of 10 pictures a second that beeps. Skips the test if it cannot be made.

    more: options of ffmpeg's for what it writes.
    """
    path = folder / f"clip{sound.ending}"
    beep = "+".join(f"between(t,{each},{each + BEEP_SECONDS})" for each in BEEPS)
    pitch = 440 if sound.rate > 1000 else 20
    tone = f"0.4*sin(2*PI*{pitch}*t)*({beep})".replace(",", "\\,")
    count, layout = _channels(sound.layout)
    source = f"aevalsrc={'|'.join([tone] * count)}:s={sound.rate}:d={SECONDS}"
    source += f":c={layout}" if layout else ""
    ffmpeg(
        *("-f", "lavfi", "-i", f"color=0x808080:size=64x48:rate=10:d={SECONDS}"),
        *("-f", "lavfi", "-i", source, *VIDEO.get(sound.ending, H264)),
        *("-c:a", sound.encoder, *sound.options, *more, path),
    )
    return path


def join(folder: Path, parts: Sequence[Sound]) -> Path:
    """A clip as long as all parts, whose sound is theirs, one after the other and copied."""
    raw = b""
    for part in parts:
        clip, alone = make(folder, part), folder / f"part.{part.encoder}"
        ffmpeg("-i", clip, "-map", "0:a", "-c", "copy", alone)
        raw += alone.read_bytes()
    sound = folder / f"sound.{parts[0].encoder}"
    sound.write_bytes(raw)
    path = folder / "joined.ts"
    seconds = SECONDS * len(parts)
    ffmpeg(
        *("-f", "lavfi", "-i", f"color=0x808080:size=64x48:rate=10:d={seconds}"),
        *("-i", sound, *H264, "-c:a", "copy", path),
    )
    return path


def ffmpeg(*words: str | Path) -> None:
    """Skips the test if ffmpeg is missing or cannot do it."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *map(str, words)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        pytest.skip(f"ffmpeg cannot make it: {run.stderr.strip().splitlines()[-1]}")


def _channels(layout: str) -> tuple[int, str]:
    if layout.endswith("c"):
        return int(layout[:-1]), ""
    known = {"mono": 1, "stereo": 2, "quad": 4, "hexadecagonal": 16}
    if layout in known:
        return known[layout], layout
    if "+" in layout:
        return layout.count("+") + 1, layout
    return sum(map(int, layout.split("(")[0].split("."))), layout


def hear(path: Path) -> npt.NDArray[np.float32]:
    """The first track, mixed to one channel, at `MEASURED_RATE`, from 0 seconds on."""
    command = [
        *("ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-i", str(path)),
        *("-map", "0:a:0", "-af", "aresample=async=1:first_pts=0", "-ac", "1"),
        *("-ar", str(MEASURED_RATE), "-f", "f32le", "-"),
    ]
    run = subprocess.run(command, capture_output=True)
    return np.frombuffer(run.stdout, np.float32)


def beeps(samples: npt.NDArray[np.float32]) -> list[float]:
    """When beeps begin, in seconds."""
    window = MEASURED_RATE // 100
    count = len(samples) // window * window
    loud = np.abs(samples[:count]).reshape(-1, window).max(1)
    if not loud.size or loud.max() < 0.01:
        return []
    begins, last = [], -1.0
    for at in np.flatnonzero(loud > 0.15 * loud.max()) / 100:
        if at - last > BEEP_SECONDS / 2:
            begins.append(float(at))
        last = at
    return begins
