"""How FFmpeg's muxers write a video, so that it can be read at any moment while it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from livematte.sinks.codec import Codec

if TYPE_CHECKING:
    from livematte.sinks.soundtrack import Soundtrack

FRAGMENT_SECONDS: Final = 0.5
"""How much is written at once. It, and the pictures that the encoder holds back, are lost if the
process is killed: one to two seconds of 30 pictures each in all."""

# Sound may begin a little before 0, where its decoder warms up. The muxer would move all that comes
# after by as much; and where the first picture is, MP4 would say to a thousandth of a second.
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

    MP4 and MOV are a row of fragments until they are finished as ordinary files in the end (from
    FFmpeg 7.1 on); Matroska's clusters are much the same. Nothing waits for a buffer to fill:
    pictures that hardly change would take minutes.

    streamed: into a pipe, in which nothing written can be changed later.
    of_recording: with the times of a recording, and not from 0 on.
    sound: what goes with the pictures.
    """
    options = {"flush_packets": "1"}
    if of_recording:
        options |= _RECORDING_OPTIONS[codec.container]
    if codec.container in ("matroska", "webm"):
        return {**options, "cluster_time_limit": str(round(FRAGMENT_SECONDS * 1000))}
    flags = "+default_base_moof" if streamed else "+hybrid_fragmented"
    if sound is None or not sound.has_tracks:
        # With a late header, that knows exactly where the first picture is.
        flags += "+empty_moov" if streamed else "+delay_moov"
    elif sound.is_known:
        flags += "+empty_moov"  # it need not wait for sound that may come late
    elif streamed:
        flags += "+empty_moov+delay_moov"
    options["frag_duration"] = str(round(FRAGMENT_SECONDS * 1_000_000))
    # Without an edit list, pictures that are reordered would begin a little after 0.
    return {**options, "movflags": flags, "use_editlist": "0" if streamed else "1"}
