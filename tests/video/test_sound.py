"""Whatever the sound of a clip is, its pictures are there, and it is heard in its place."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from livematte.cli.app import app
from livematte.frame import Size
from livematte.media.sound.channels import LAYOUTS, choose_layout, mixing_matrix
from livematte.media.sound.steady import SAMPLES_PER_SECOND, Heard, SteadySound
from livematte.media.video.packet_times import PacketTimes
from livematte.media.video.timeline import Timeline
from livematte.options.rendering import RenderOptions
from livematte.render.fake import FakeRenderer
from livematte.render.renderer import OpenedRenderer
from livematte.video import VideoJob
from tests.video.fuzz_sound import PICTURES, Pictures, write
from tests.video.sounds import (
    BEEPS,
    H264,
    MEASURED_RATE,
    SECONDS,
    SOUNDS,
    Sound,
    beeps,
    ffmpeg,
    hear,
    join,
    make,
)

FUZZED = 20
FUZZED_LONG = 10_000
FUZZED_KINDS = [
    *("PCM 7.1(wide)", "AAC 5.0 in TS", "AC-3 in TS", "FLAC 7.1", "Opus 5.1", "ALAC", "E-AC-3"),
    *("Vorbis stereo", "adpcm_ms", "PCM 22.2", "AAC stereo", "AAC 5.1(side)", "AAC in FLV", "TTA"),
    *("MP3 in AVI", "MP2", "AC-3", "DTS", "TrueHD", "FLAC", "Opus stereo", "Vorbis 5.1", "Speex"),
    *("PCM s16le in .mkv", "PCM 7.1", "PCM FC+FR+FL", "PCM in AVI", "PCM in TS", "adpcm_ima_qt"),
    *("adpcm_swf", "WavPack", "WMA 2", "GSM", "G.722", "Nellymoser"),
]

ENDINGS = (".mp4", ".mov", ".mkv", ".webm")
LATE_SECONDS = 0.04
"""People see that lips and words do not go together from 45 ms on: ITU-R BT.1359."""


@pytest.fixture(autouse=True)
def _without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_fake(_options: RenderOptions, frame_size: Size, *_: Any) -> OpenedRenderer:
        return OpenedRenderer(FakeRenderer(frame_size), "")

    monkeypatch.setattr("livematte.video.job.open_renderer", open_fake)
    monkeypatch.setattr("livematte.render.opening.open_renderer", open_fake)


def matte(path: Path, ending: str, **wishes: Any) -> tuple[Path, list[str]]:
    output = path.with_name(f"out{ending}")
    job = VideoJob(path, output, overwrite=True, **wishes)
    job.run()
    return output, job.remarks


def pictures(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def assert_beeps(path: Path, expected: Sequence[float] = BEEPS) -> None:
    assert beeps(hear(path)) == pytest.approx(expected, abs=LATE_SECONDS)


KINDS = {each.name: each for each in SOUNDS}


def length(path: Path) -> float:
    """From the beginning to the end of the last picture, in seconds; not all kinds say it."""
    with av.open(str(path)) as container:
        begins = (container.start_time or 0) / 1e6
        timed = (each for each in container.demux(video=0) if each.pts is not None)
        ends = (float(((each.pts or 0) + (each.duration or 0)) * each.time_base) for each in timed)
        return max(ends) - begins


def assert_kept(sound: Sound, ending: str, tmp_path: Path) -> None:
    path = make(tmp_path, sound)
    output, remarks = matte(path, ending)
    assert pictures(output) == pictures(path)
    with av.open(str(output)) as container:
        assert (container.duration or 0) / 1e6 == pytest.approx(length(path), abs=0.15)
        assert len(container.streams.audio) == 1, remarks
        codec = container.streams.audio[0].codec_context.name
    encoded = [each for each in remarks if each.startswith("encoded the sound again")]
    assert remarks == encoded
    assert len(encoded) == (codec in ("aac", "opus") and codec not in sound.encoder)
    is_mixed = sound.layout not in ("12c", "63c")  # ffmpeg itself mixes no others
    if is_mixed or encoded:
        # Where encoders warm up and nothing tells it, it comes late in the clip already.
        heard = beeps(hear(path)) if is_mixed else BEEPS
        assert heard == pytest.approx(BEEPS, abs=0.06)
        assert_beeps(output, heard)


@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        ("PCM 7.1(wide)", ".webm"),
        ("PCM 22.2", ".mp4"),
        ("PCM FC+FR+FL", ".webm"),
        ("PCM of 63 channels", ".mp4"),
        ("PCM of 100 Hz", ".webm"),
        ("PCM of 384 kHz", ".mp4"),
        ("PCM f32be in .mov", ".mkv"),
        ("FLAC 7.1", ".mov"),
        ("Opus 7.1", ".mov"),
        ("Opus 12c", ".mov"),
        ("TrueHD", ".mp4"),
        ("TrueHD", ".mkv"),
        ("TTA", ".mkv"),
        ("adpcm_swf", ".mov"),
    ],
)
def test_any_sound_goes_into_any_container(tmp_path: Path, kind: str, ending: str) -> None:
    assert_kept(KINDS[kind], ending, tmp_path)


def test_every_sound_goes_into_every_container(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if not request.config.getoption("--long"):
        pytest.skip("only with --long")
    for sound in SOUNDS:
        for ending in ENDINGS:
            assert_kept(sound, ending, tmp_path)


# --- what changes on the way


@pytest.mark.parametrize(
    ("parts", "ending"),
    [
        (("AC-3 in TS", "AC-3 in TS of two"), ".webm"),
        (("AAC in TS", "AAC 5.0 in TS"), ".webm"),
        (("AAC in TS", "AAC 5.0 in TS"), ".mp4"),
        (("AAC in TS", "AAC 5.0 in TS"), ".mkv"),
        (("MP2 in TS", "MP2 in TS of one"), ".webm"),
    ],
)
def test_layouts_and_rates_may_change(tmp_path: Path, parts: tuple[str, ...], ending: str) -> None:
    kinds = KINDS | {
        "AC-3 in TS of two": Sound("", "ac3", ".ts", "stereo"),
        "AAC in TS": Sound("", "aac", ".ts", "stereo"),
        "MP2 in TS": Sound("", "mp2", ".ts", "stereo", 48_000),
        "MP2 in TS of one": Sound("", "mp2", ".ts", "mono", 32_000),
    }
    path = join(tmp_path, [kinds[each] for each in parts])
    output, _ = matte(path, ending)
    assert pictures(output) == pictures(path)
    # Encoders begin with up to 21 ms of silence, which is cut away nowhere here.
    expected = [at + part * SECONDS for part in range(len(parts)) for at in BEEPS]
    assert beeps(hear(output)) == pytest.approx(expected, abs=0.07)


def tone(seconds: float, rate: int, speakers: tuple[str, ...], begins: float | None) -> Heard:
    """A constant 0.5 in every channel."""
    heard = object.__new__(Heard)
    heard.rate, heard.speakers = rate, speakers
    heard.samples = np.full((len(speakers), round(seconds * rate)), 0.5, np.float32)
    heard.begins = None if begins is None else Fraction(begins).limit_denominator(10**6)
    return heard


STEREO = ("FL", "FR")
AROUND = ("FL", "FR", "FC", "LFE", "SL", "SR", "BL", "BR")


@pytest.mark.parametrize(
    ("frames", "heard"),
    [
        ([(0.1, 48_000, STEREO, at / 10) for at in range(10)], [(0, 1)]),
        ([(0.1, 44_100, AROUND, 0), (0.1, 8000, ("FC",), 0.1)], [(0, 0.2)]),
        ([(0.1, 48_000, STEREO, 0.5), (0.1, 48_000, STEREO, None)], [(0.5, 0.7)]),
        ([(0.5, 48_000, STEREO, -0.3)], [(0, 0.2)]),
        ([(0.5, 48_000, STEREO, -0.7), (0.1, 48_000, STEREO, -0.2)], []),
        ([(0.1, 48_000, STEREO, 0), (0.1, 48_000, STEREO, 0.4)], [(0, 0.1), (0.4, 0.5)]),
        ([(0.4, 48_000, STEREO, 0), (0.4, 48_000, STEREO, 0.2)], [(0, 0.6)]),
        ([(3.0, 100, STEREO, 0.5)], [(0.5, 3.5)]),
        ([(0.1, 1_000_000, ("USR0",) * 100, 0.2)], [(0.2, 0.3)]),
        # Rounded to milliseconds, and unsteady.
        ([(0.0213, 48_000, STEREO, round(at * 0.0213, 3)) for at in range(50)], [(0, 1.065)]),
        (
            [(0.02, 48_000, STEREO, at * 0.02 + at % 3 * 0.03) for at in range(50)],
            [(0, 1)],
        ),
        # Two clocks of which one is too fast: 40 seconds are 39.8.
        ([(0.1, 48_000, STEREO, at * 0.0995) for at in range(400)], [(0, 39.8)]),
    ],
)
def test_sound_is_steady_and_in_its_place(
    frames: list[tuple[float, int, tuple[str, ...], float | None]],
    heard: list[tuple[float, float]],
) -> None:
    sound = SteadySound("stereo")
    blocks = [block for each in frames for block in sound.put(tone(*each))]
    blocks += sound.rest()
    assert max((block.shape[1] for block in blocks), default=0) <= 2 * SAMPLES_PER_SECOND
    samples = np.concatenate([np.zeros((2, 1), np.float32), *blocks], 1)
    loud = np.abs(samples).max(0) > 0.1
    edges = np.flatnonzero(np.diff(loud, append=False)) / SAMPLES_PER_SECOND
    assert edges.reshape(-1, 2) == pytest.approx(np.array(heard).reshape(-1, 2), abs=LATE_SECONDS)


def test_silence_is_put_where_a_packet_is_known_to_be_missing() -> None:
    sound = SteadySound("mono")
    samples = 0
    for at in range(20):
        if at % 5 == 2:
            sound.note_gap()
            continue
        samples += sum(b.shape[1] for b in sound.put(tone(0.01, 48_000, ("FC",), at / 100)))
        assert samples == (at + 1) * 480


@pytest.mark.parametrize(
    ("told", "times"),
    [
        ([0.0, 0.1, 0.2, 0.3], [0.0, 0.1, 0.2, 0.3]),
        ([None, None, 0.2, None], [0.0, 0.1, 0.2, 0.3]),
        ([0.5, 0.6, None, 0.8], [0.5, 0.6, 0.7, 0.8]),
        ([60, 60.1, 60.2], [60, 60.1, 60.2]),
        ([0.0, 0.1, 90_000.0, 0.3, 0.4], [0.0, 0.1, 0.2, 0.3, 0.4]),
        ([90_000.0, 0.1, 0.2, 0.3], [0.0, 0.1, 0.2, 0.3]),
        ([0.0, 0.1, 0.2, 90_000.0], [0.0, 0.1, 0.2, 0.3]),
        ([5.0, 5.1, -90.0, 5.3, 5.4], [5.0, 5.1, 5.2, 5.3, 5.4]),
        ([0.0, 0.1, 7.0, 7.1, 7.2], [0.0, 0.1, 7.0, 7.1, 7.2]),
        ([0.0, 2.0, 4.0, 6.0, 8.0], [0.0, 2.0, 4.0, 6.0, 8.0]),
        # Recordings that were joined: the clock begins anew.
        ([8.0, 8.1, 8.2, 0.0, 0.1, 0.2], [8.0, 8.1, 8.2, 8.3, 8.4, 8.5]),
        ([0.0, 0.1, 90_000.0, 90_000.1, 90_000.2], [0.0, 0.1, 0.2, 0.3, 0.4]),
        # A stretch with a clock of its own, after which the first goes on.
        ([8.0, 8.1, 1.0, 1.1, 8.4, 8.5], [8.0, 8.1, 8.2, 8.3, 8.4, 8.5]),
    ],
)
def test_times_that_are_missing_or_jump(told: list[float | None], times: list[float]) -> None:
    clock: PacketTimes[int] = PacketTimes(Fraction(0))
    found = [
        timed
        for index, each in enumerate(told)
        for timed in clock.put(
            index, None if each is None else Fraction(str(each)), Fraction(1, 10)
        )
    ]
    found += clock.rest()
    assert [each.packet for each in found] == list(range(len(told)))
    assert [float(each.begins) for each in found] == pytest.approx(times)


@pytest.mark.parametrize("kind", ["AC-3 in TS", "AAC 5.0 in TS", "E-AC-3 in TS"])
def test_sound_stays_with_its_pictures_where_recordings_were_joined(
    tmp_path: Path, kind: str
) -> None:
    path, joined = make(tmp_path, KINDS[kind]), tmp_path / "joined.ts"
    joined.write_bytes(path.read_bytes() * 4)
    begins: dict[str, list[float]] = {"video": [], "audio": []}
    with av.open(str(joined)) as container:
        timeline, told = Timeline(container), {"video": 1e9, "audio": 1e9}
        for packet in container.demux():
            if packet.dts is None or packet.stream.type not in begins:
                continue
            before = packet.dts * packet.time_base
            timeline.follow(packet)
            if before < told[packet.stream.type] - 0.5:
                begins[packet.stream.type].append(float(packet.dts * packet.time_base))
            told[packet.stream.type] = float(before)
    assert len(begins["video"]) == len(begins["audio"]) == 4
    apart = np.subtract(begins["video"], begins["audio"])
    assert apart == pytest.approx(apart[0], abs=1e-4)
    assert np.diff(begins["video"]) == pytest.approx(SECONDS, abs=0.05)


def test_sound_whose_clock_is_wrong_moves_no_picture(tmp_path: Path) -> None:
    path = make(tmp_path, KINDS["AC-3"])
    with av.open(str(path)) as container:
        timeline, sound = Timeline(container), 0
        for packet in container.demux():
            if packet.dts is None:
                continue
            told = packet.dts
            if packet.stream.type == "audio":
                sound += 1
                packet.dts -= 5000 if sound in (12, 20, 21, 22) else 0
            timeline.follow(packet)
            assert packet.dts == pytest.approx(told, abs=33)
    assert timeline.changes == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_is_lost_nor_too_loud_when_channels_are_mixed(layout: str) -> None:
    for names in (("FC",), STEREO, AROUND, ("UNK",) * 7, ("AMBI0", "AMBI1", "AMBI2", "AMBI3")):
        matrix = mixing_matrix(names, layout)
        assert matrix.shape == (len(LAYOUTS[layout]), len(names))
        assert np.abs(matrix).sum(1).max() <= 1.0001
        heard = np.abs(matrix).sum(0) > 0
        for name, is_heard in zip(names, heard, strict=True):
            assert is_heard or name == "LFE" or name.startswith("AMBI")
    assert choose_layout(AROUND) == "5.1"
    assert choose_layout(("FL", "FR", "LFE")) == "stereo"
    left, right = mixing_matrix(AROUND, "5.1")[:2]
    assert left[0] > 0
    assert not left[1]
    assert right[1] == left[0]


# --- damage


def spoil(path: Path, first: int, count: int) -> None:
    """Make `count` packets of the sound nonsense, in the file."""
    with av.open(str(path)) as container:
        packets = [each for each in container.demux(audio=0) if each.size and each.pos is not None]
    data = bytearray(path.read_bytes())
    for packet in packets[first : first + count]:
        # Matroska puts a few bytes before each.
        at = data.index(bytes(packet), packet.pos)
        data[at : at + packet.size] = bytes(packet.size)
    path.write_bytes(data)


@pytest.mark.parametrize(("kind", "ending"), [("FLAC", ".mov"), ("AAC stereo", ".webm")])
def test_silence_is_where_packets_are_damaged(tmp_path: Path, kind: str, ending: str) -> None:
    path = make(tmp_path, KINDS[kind])
    with av.open(str(path)) as container:
        packets = [each for each in container.demux(audio=0) if each.pts is not None]
        times = [float((each.pts or 0) * each.time_base) for each in packets]
    first = next(index for index, time in enumerate(times) if time > 0.6)
    count = next(index for index, time in enumerate(times) if time > 0.95) - first
    spoil(path, first, count)
    output, remarks = matte(path, ending)
    assert f"{count} damaged packets of sound were replaced by silence" in remarks
    assert pictures(output) == 16
    assert_beeps(output, (0.25, 1.25))


@pytest.mark.parametrize("is_known", [True, False])
def test_a_packet_that_is_refused_at_the_end_costs_no_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    """Muxers keep packets until those of other tracks have come, of which there are no more.

    is_known: whether it is seen before that this one will be refused.
    """
    if not is_known:
        monkeypatch.setattr("livematte.sinks.sound.tracks.begins_a_frame", lambda _data: True)
    path = make(tmp_path, KINDS["AC-3"])
    with av.open(str(path)) as container:
        count = sum(1 for each in container.demux(audio=0) if each.size)
    spoil(path, count - 4, 1)
    output, remarks = matte(path, ".mp4")
    assert remarks == [
        "1 damaged packet of sound was left out"
        if is_known
        else "The sound ends early: Invalid data found when processing input"
    ]
    assert pictures(output) == 16
    assert length(output) == pytest.approx(SECONDS, abs=0.05)


def test_what_cannot_be_decoded_is_left_out_and_said(tmp_path: Path) -> None:
    path = make(tmp_path, KINDS["FLAC"])
    spoil(path, 0, 1000)
    output, remarks = matte(path, ".mov")
    assert remarks == ["Sound left out: it cannot be decoded"]
    assert pictures(output) == 16


def test_a_kind_of_sound_that_nobody_knows_is_left_out_and_said(tmp_path: Path) -> None:
    path = make(tmp_path, KINDS["FLAC"])
    path.write_bytes(path.read_bytes().replace(b"A_FLAC", b"A_FLUC"))
    output, remarks = matte(path, ".mkv")
    assert remarks == ["Sound left out: it has a codec that FFmpeg does not support"]
    assert pictures(output) == 16


@pytest.mark.parametrize("ending", ENDINGS)
def test_one_bad_track_leaves_the_others(tmp_path: Path, ending: str) -> None:
    """Of three tracks the second is empty; subtitles, a cover and data are beside them."""
    path, tracks = tmp_path / "many.mkv", tmp_path / "tracks"
    tracks.mkdir()
    clip = make(tracks, KINDS["AAC stereo"])
    (tracks / "words.srt").write_text("1\n00:00:00,500 --> 00:00:01,000\nHello\n")
    (tracks / "font.ttf").write_bytes(b"no font")
    ffmpeg(
        *("-i", clip, "-f", "lavfi", "-i", "anullsrc=d=0.001", "-i", tracks / "words.srt"),
        *("-attach", tracks / "font.ttf", "-metadata:s:t", "mimetype=font/ttf"),
        *("-map", "0:v", "-map", "0:a", "-map", "1:a", "-map", "0:a", "-map", "2:s"),
        *("-c", "copy", "-c:a:1", "flac", "-c:s", "srt", "-frames:a:1", "0"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra", path),
    )
    output, remarks = matte(path, ending)
    assert remarks[-1] == "Sound left out: track 2 (fra) is empty"
    assert pictures(output) == 16
    with av.open(str(output)) as container:
        first, last = container.streams.audio
        assert first.language == "eng"
        assert last.language in (None, "und")
    assert_beeps(output)


# --- a part of it


@pytest.mark.parametrize(
    ("kind", "ending"), [("AAC stereo", ".mp4"), ("Opus stereo", ".mkv"), ("PCM 7.1", ".webm")]
)
@pytest.mark.parametrize(
    ("start", "end", "expected"),
    # Both begin with the first picture of the part, which is at 0.5 in all but the last.
    [(0.5, None, (0.25, 0.75)), (0.43, 1.38, (0.25, 0.75)), (None, 0.8, (0.25, 0.75))],
)
def test_a_part_of_the_sound_is_where_its_pictures_are(
    tmp_path: Path,
    kind: str,
    ending: str,
    start: float | None,
    end: float | None,
    expected: tuple[float, ...],
) -> None:
    path = make(tmp_path, KINDS[kind])
    output, _ = matte(path, ending, start_seconds=start, end_seconds=end)
    assert_beeps(output, expected)
    seconds = (SECONDS if end is None else end) - (0.0 if start is None else 0.5)
    assert len(hear(output)) / MEASURED_RATE == pytest.approx(seconds, abs=0.05)


@pytest.mark.parametrize(("kind", "ending"), [("AC-3", ".mp4"), ("FLAC", ".mov"), ("MP3", ".mkv")])
@pytest.mark.parametrize("late", [0.7, 12.0])
def test_sound_that_begins_late_or_ends_early(
    tmp_path: Path, kind: str, ending: str, late: float
) -> None:
    clip, path = make(tmp_path, KINDS[kind]), tmp_path / "late.mkv"
    seconds = late + SECONDS + 1
    ffmpeg(
        *("-f", "lavfi", "-i", f"color=0x808080:size=64x48:rate=2:d={seconds}"),
        *("-itsoffset", str(late), "-i", clip, "-map", "0:v", "-map", "1:a"),
        *(*H264, "-c:a", "copy", path),
    )
    output, _ = matte(path, ending)
    assert pictures(output) == pictures(path)
    assert_beeps(output, [late + each for each in BEEPS])


def test_sound_that_can_be_read_no_more_costs_no_picture(tmp_path: Path) -> None:
    path = make(tmp_path, KINDS["AAC stereo"])
    pictures_alone = Pictures(path)
    path.unlink()
    writer = write(pictures_alone, tmp_path / "out.mp4")
    assert pictures(tmp_path / "out.mp4") == PICTURES
    (remark,) = writer.remarks
    assert remark.startswith("Sound left out: ")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes of this kind")
@pytest.mark.parametrize(("kind", "ending"), [("AC-3", ".mp4"), ("E-AC-3", ".mov")])
def test_sound_whose_header_is_in_its_packets_goes_into_a_pipe(
    tmp_path: Path, kind: str, ending: str
) -> None:
    path, pipe, read = make(tmp_path, KINDS[kind]), tmp_path / f"pipe{ending}", tmp_path / "read"
    os.mkfifo(pipe)
    with read.open("wb") as file, subprocess.Popen(["cat", str(pipe)], stdout=file):
        VideoJob(path, pipe).run()
    assert pictures(read) == 16
    with av.open(str(read)) as container:
        begins = next(container.decode(video=0)).time
    # A stream cannot say that it begins before 0: all of it is moved.
    assert_beeps(read, [begins + each for each in BEEPS])


# --- a live run


@pytest.mark.parametrize("options", [(), ("--no-realtime", "--output", "{}/frames/")])
def test_a_file_that_is_shown_live_is_recorded_with_its_sound(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = make(tmp_path, KINDS["AAC stereo"])
    output = tmp_path / "out.mp4"
    words = ["--input", str(path), "--no-preview", "--output", str(output)]
    words += [each.format(tmp_path) for each in options]
    run = CliRunner().invoke(app, words)
    assert run.exit_code == 0, run.output
    assert pictures(output) == 16
    assert_beeps(output)


# --- chance


def test_no_damaged_sound_costs_a_picture_or_the_process(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each case is tried in a process with others, so that a crash is seen."""
    is_long = request.config.getoption("--long")
    count, at_once = (FUZZED_LONG, 500) if is_long else (FUZZED, FUZZED)
    folder = tmp_path / "clips"
    folder.mkdir()
    for kind in FUZZED_KINDS if is_long else FUZZED_KINDS[:5]:
        clip = make(tmp_path, KINDS[kind])
        clip.rename(folder / f"{kind}{clip.suffix}")
    seed = random.randrange(10**6) if is_long else 0
    for first in range(0, count, at_once):
        words = [str(each) for each in (folder, seed, first, at_once)]
        run = subprocess.run(
            [sys.executable, "-m", "tests.video.fuzz_sound", *words],
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, (run.stdout[-100:], run.stderr[-5000:])
