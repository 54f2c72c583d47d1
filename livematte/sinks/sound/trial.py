"""Finds out by trial whether a container can hold an audio track unchanged."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream


def can_hold(
    container_format: str, stream: AudioStream, packets: Sequence[av.Packet[AudioStream]]
) -> bool:
    """Whether a track that begins with `packets` can be copied into a container and read back.

    Muxers report problems at the header, at the first packet or only at the end, when it is too
    late for the pictures.

    container_format: FFmpeg's name of the muxer.
    """
    import av

    context = stream.codec_context
    if _is_unfit(container_format, context.name):
        return False
    # Without a frame size in MPEG audio, MP4's muxer does not know how long packets are, and FFmpeg
    # aborts the process. A track without extradata can be judged only by its packets.
    if context.name.startswith(("mp1", "mp2", "mp3")) and context.frame_size < 1:
        return False
    if not packets and not context.extradata:
        return False
    file = io.BytesIO()
    options = {}
    if container_format in ("mp4", "mov"):
        is_known = bool(stream.codec_context.extradata)
        options["movflags"] = "+hybrid_fragmented" + ("+empty_moov" if is_known else "")
    try:
        with av.open(file, "w", format=container_format, options=options) as container:
            copied = container.add_stream_from_template(stream)
            for each in packets:
                packet = av.Packet(bytes(each))
                packet.pts = packet.dts = each.pts if each.dts is None else each.dts
                packet.duration, packet.time_base = each.duration, each.time_base
                packet.is_keyframe = each.is_keyframe
                packet.stream = copied
                container.mux(packet)
        if not packets:
            return True
        file.seek(0)
        with av.open(file) as container:
            (copied,) = container.streams.audio
            context = copied.codec_context
            return context is not None and context.codec.id == stream.codec_context.codec.id
    except (av.FFmpegError, ValueError, OSError, RuntimeError):
        return False


def _is_unfit(container_format: str, codec: str) -> bool:
    """Whether FFmpeg would accept the codec, but with a result of little use."""
    # Few programs read PCM in MP4, a recent addition. For TTA in Matroska, FFmpeg takes the track's
    # length from the whole file's, and cannot decode the end if the two differ.
    return codec == "tta" or (container_format == "mp4" and codec.startswith("pcm_"))
