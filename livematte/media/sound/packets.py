"""The packets of all tracks of sound in a file, in order and with their times."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from livematte.media.video.container import open_container
from livematte.media.video.packet_times import PacketTimes, Timed
from livematte.media.video.timeline import Timeline, may_change

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container import InputContainer

    from livematte.media.video.source import SourceVideo

SEARCH_SECONDS: Final = 2
"""How far apart pictures and sound of the same time may lie in a file."""

AHEAD_SECONDS: Final = 10
"""How much is read ahead to see what there is; about as much as FFmpeg's muxers wait for."""

AHEAD_BYTES: Final = 32_000_000
"""The same, of sound."""

MOST_FAULTS: Final = 100
"""A file whose packets cannot be read so often in a row has no more."""

TimedPacket: TypeAlias = "Timed[av.Packet[AudioStream]]"


class SoundPackets:
    """Reads what is wanted of a recording, and a little of what is before, with which decoders warm
    up. It can look ahead.
    """

    def __init__(self, recording: SourceVideo) -> None:
        """Raises `av.FFmpegError`, `OSError` or ValueError if the file cannot be opened."""
        self._recording = recording
        self.container: InputContainer = open_container(recording.path)
        try:
            self.streams = list(self.container.streams.audio)
            self._packets = self._read()
        except BaseException:
            self.container.close()
            raise
        self._ahead: deque[TimedPacket] = deque()
        self._ahead_bytes = 0
        self._joined: set[int] = set()
        """Tracks of which nothing has come since the file's clock has begun anew."""
        self._has_ended = False

    def close(self) -> None:
        """Give the file back. Closing twice is fine."""
        self._packets.close()
        self.container.close()
        self._ahead.clear()
        self._has_ended = True

    @property
    def _has_one_clock(self) -> bool:
        """Whether times cannot begin anew: an MP4 has one list of them."""
        return "mp4" in self.container.format.name.split(",")

    @property
    def has_ended(self) -> bool:
        """Whether all that is in the file has been read, or looked at."""
        return self._has_ended

    def peek(self) -> TimedPacket | None:
        """The next packet, which stays; None if there are no more."""
        return self._ahead[0] if self._ahead or self._look_ahead() else None

    def take(self) -> None:
        """Go on to the packet after the next one."""
        if self._ahead:
            self._ahead_bytes -= self._ahead.popleft().packet.size

    def ahead(self, stream: AudioStream) -> Generator[TimedPacket, None, None]:
        """The next packets of one track, which all stay: about as many as fit into 10 seconds."""
        at = 0
        while True:
            if at == len(self._ahead) and not self._look_ahead():
                return
            timed = self._ahead[at]
            if timed.packet.stream_index == stream.index:
                yield timed
            at += 1
            if at == len(self._ahead) and not self._may_look_ahead(timed):
                return

    def _may_look_ahead(self, last: TimedPacket) -> bool:
        seconds = last.begins - self._ahead[0].begins
        return seconds < AHEAD_SECONDS and self._ahead_bytes < AHEAD_BYTES

    def _look_ahead(self) -> bool:
        timed = next(self._packets, None)
        if timed is None:
            self._has_ended = True
            return False
        self._ahead.append(timed)
        self._ahead_bytes += timed.packet.size
        return True

    def _read(self) -> Generator[TimedPacket, None, None]:
        import av
        from av.stream import Discard

        if not self.streams:
            return
        if self._has_one_clock:
            for stream in self.container.streams:
                if stream.type != "audio":
                    stream.discard = Discard.all
        start, end = self._recording.start_seconds, self._recording.end_seconds
        # A time leads nowhere where there may be two of it. Where a container cannot be searched,
        # it is read from the beginning as well.
        if start is not None and not may_change(self.container):
            with suppress(av.FFmpegError):
                self.container.seek(int((start - SEARCH_SECONDS) * 1_000_000))
        first = self._recording.zero_seconds
        times: dict[int, PacketTimes[av.Packet[AudioStream]]] = {
            stream.index: PacketTimes(first) for stream in self.streams
        }
        unfinished = set(times)
        for packet in self._demux():
            clock = times.get(packet.stream_index)
            tick = packet.time_base
            if clock is None or not tick:
                continue
            given = packet.dts if packet.pts is None else packet.pts
            begins = None if given is None else given * tick
            lasts = (packet.duration or 0) * tick
            if packet.stream_index in self._joined:
                # What is joined overlaps by less than a packet; a player that takes no notice
                # would be late from then on.
                self._joined.discard(packet.stream_index)
                if begins is not None and clock.is_told_twice(begins, lasts):
                    continue
            for timed in clock.put(packet, begins, lasts):
                yield timed
                if end is not None and timed.begins > end + SEARCH_SECONDS:
                    unfinished.discard(packet.stream_index)
            if not unfinished:
                return
        for clock in times.values():
            yield from clock.rest()

    def _demux(self) -> Generator[av.Packet[AudioStream], None, None]:
        import av

        faults = 0
        # The clock of pictures is that of sound, too.
        wanted = self.streams if self._has_one_clock else self.container.streams
        timeline = Timeline(self.container)
        packets = self.container.demux(*wanted)
        while faults < MOST_FAULTS:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                # What follows damage may well be read.
                faults += 1
                packets = self.container.demux(*wanted)
                continue
            if packet is None:
                return
            if packet.size:  # else it is the end of a track
                faults = 0
                changes = timeline.changes
                timeline.follow(packet)
                if timeline.changes > changes:
                    self._joined = {stream.index for stream in self.streams}
                yield cast("av.Packet[AudioStream]", packet)
