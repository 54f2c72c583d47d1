"""Options for FFmpeg's muxers, so that a video can be read at any time while it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from livematte.sinks.video.codec import Codec

if TYPE_CHECKING:
    from livematte.sinks.sound.soundtrack import Soundtrack

FRAGMENT_SECONDS: Final = 0.5
"""How much is written at once. If the process is killed, this and the pictures still in the encoder
are lost: one to two seconds in total at 30 frames/s."""

# Sound may start a little before 0, while its decoder warms up. By default the muxer would shift
# everything by that time, and MP4 would store the first picture's time only to a millisecond.
_RECORDING_OPTIONS: Final = {
    "mp4": {"movie_timescale": "90000"},
    "mov": {"movie_timescale": "90000"},
    "matroska": {"avoid_negative_ts": "disabled"},
    "webm": {"avoid_negative_ts": "disabled"},
}


def muxer_options(
    codec: Codec, *, streamed: bool, of_recording: bool, sound: Soundtrack | None
) -> dict[str, str]:
    """The options of the muxer for `codec`.

    MP4 and MOV are written as fragments and become ordinary files at the end (since FFmpeg 7.1);
    Matroska's clusters are similar. Nothing waits for a buffer to fill: with pictures that hardly
    change that would take minutes.

    streamed: into a pipe, where written data cannot be changed later.
    of_recording: with the times of a recording, instead of starting at 0.
    sound: the sound that goes with the pictures.
    """
    options = {"flush_packets": "1"}
    if of_recording:
        options |= _RECORDING_OPTIONS[codec.container]
    if codec.container in ("matroska", "webm"):
        return {**options, "cluster_time_limit": str(round(FRAGMENT_SECONDS * 1000))}
    flags = "+default_base_moof" if streamed else "+hybrid_fragmented"
    if sound is None or not sound.has_tracks:
        # With a delayed header, which has the exact time of the first picture.
        flags += "+empty_moov" if streamed else "+delay_moov"
    elif sound.is_known:
        flags += "+empty_moov"  # so that the header does not wait for late sound
    elif streamed:
        flags += "+empty_moov+delay_moov"
    options["frag_duration"] = str(round(FRAGMENT_SECONDS * 1_000_000))
    # Without an edit list, a video with reordered pictures would start a little after 0.
    return {**options, "movflags": flags, "use_editlist": "0" if streamed else "1"}
