"""A video file, decoded in a loop, that goes on if the file is moved or deleted."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from livematte.backgrounds.loop import Loop
from livematte.errors import BackgroundError, SourceError
from livematte.frame import Image
from livematte.media.kept_file import unreadable
from livematte.media.video.container import MOST_PIXELS
from livematte.media.video.pictures import BLACK, PictureConverter
from livematte.media.video.reader import VideoReader

if TYPE_CHECKING:
    import av

SHORTEST_LOOP_SECONDS: Final = 0.1
"""A shorter video would be decoded several times within one frame."""

LONGEST_LAST_SECONDS: Final = 60
"""If the file says that its last picture lasts longer, that is ignored."""


class Shot(NamedTuple):
    """A frame of the video, and its start and end, in seconds.

    pixel_aspect: the width of its pixels divided by their height; None for square.
    """

    from_seconds: float
    until_seconds: float
    frame: av.VideoFrame
    pixel_aspect: Fraction | None
    converter: PictureConverter

    def pixels(self) -> Image:
        """The picture as it is shown, uint8 BGR (H, W, 3); do not write to it.

        Raises `BackgroundError` if it cannot be converted.
        """
        import av

        try:
            return self.converter.convert(self.frame, self.pixel_aspect)
        except (av.FFmpegError, ValueError) as error:
            raise BackgroundError(
                f"A picture of the background cannot be converted ({error}).",
                "Choose another background.",
            ) from error


class LoopedVideo(Loop[Shot]):
    """The shots of a video."""

    def __init__(self, path: Path, colour: tuple[int, int, int] = BLACK) -> None:
        """colour: behind transparent parts, in sRGB from 0 to 255. Raises what `Loop` does."""
        self._colour = colour
        super().__init__(path)

    def _undecodable(self) -> BackgroundError:
        return BackgroundError(
            f"No picture in {self._path} could be decoded.",
            "Check that it plays in a video player and has no more than "
            f"{MOST_PIXELS // 1_000_000} megapixels, or choose another background.",
        )

    def _decode(self, from_seconds: float) -> Iterator[Shot]:
        import av  # loads FFmpeg, which few runs need

        try:
            reader = VideoReader(self._path, self._file, in_parallel=False)
        except SourceError as error:
            raise BackgroundError(
                f"Background {error.problem}", "Choose another background, or another copy of it."
            ) from error
        except OSError as error:
            raise unreadable(self._path, error) from error
        try:
            converter = PictureConverter(self._colour)
            usual_seconds = float(1 / reader.frames_per_second)
            first_seconds: Fraction | None = None
            start = 0.0
            waiting: tuple[av.VideoFrame, Fraction | None] | None = None
            for seconds, frame in reader.read():
                if first_seconds is None:
                    first_seconds = seconds
                end = float(seconds - first_seconds)
                if waiting is not None:
                    yield Shot(from_seconds + start, from_seconds + end, *waiting, converter)
                waiting, start = (frame, reader.pixel_aspect), end
            if waiting is not None:
                lasts_seconds = _duration(waiting[0]) or usual_seconds
                end = start + max(lasts_seconds, SHORTEST_LOOP_SECONDS - start)
                yield Shot(from_seconds + start, from_seconds + end, *waiting, converter)
        except (av.FFmpegError, IndexError, OSError, ValueError):
            # Nothing decodable: the caller reports it. Later damage: loop the part before it.
            return
        finally:
            reader.close()


def _duration(frame: av.VideoFrame) -> float:
    """The frame's own duration; 0 if it has none."""
    if not frame.duration or frame.time_base is None:
        return 0.0
    seconds = float(frame.duration * frame.time_base)
    return seconds if 0 < seconds <= LONGEST_LAST_SECONDS else 0.0
