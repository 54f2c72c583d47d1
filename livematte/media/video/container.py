"""Opens video files with FFmpeg, and nothing else that FFmpeg knows how to open.

To FFmpeg a name may be an address, "http:...", and a file a list of addresses. Here a name is a
file's, and a file leads to no address.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from livematte.errors import SourceError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

MOST_PIXELS: Final = 100_000_000
"""Videos of larger pictures are refused before they are decoded; one of 12K has 80 megapixels."""

FILES_ALONE: Final = {"protocol_whitelist": "file"}
"""Options for FFmpeg, with which a name from `file_url` leads to no other place than files."""

_LISTS: Final = frozenset({"concat", "dash", "hls", "imf", "rtsp", "sdp"})
"""FFmpeg's names of formats whose files have no pictures, but say where some are."""

_PATTERN: Final = frozenset("%*?[{")

READ_BYTES: Final = 256 * 1024
"""How much is read at once of a file that is open already."""


def file_url(path: Path) -> str:
    """The name by which FFmpeg opens `path` as a file, whatever it looks like."""
    return f"file:{path}"


def open_container(path: Path, options: Mapping[str, str] = FILES_ALONE) -> InputContainer:
    """Open a file of whatever kind, for the caller to close.

    Raises `av.FFmpegError`, `OSError` or ValueError (of names in no encoding) if it cannot be read.
    """
    import av  # loads FFmpeg, which few runs need

    # The name of a picture may mean a row of them to FFmpeg: "a%d.png", "a*.png".
    this_one = {**options, "pattern_type": "none"}
    try:
        container = av.open(file_url(path), options=dict(options))
    except av.FFmpegError:
        if _PATTERN.isdisjoint(path.name):
            raise
        return av.open(file_url(path), options=this_one)
    if container.format.name != "image2":
        return container
    container.close()
    return av.open(file_url(path), options=this_one)


def open_video(path: Path, file: BinaryIO | None = None) -> tuple[InputContainer, VideoStream]:
    """Open a video file, for the caller to close, and find the video in it.

    file: what to read instead of opening `path`, from its begin; it stays open.

    Raises `SourceError` if it cannot be read, has no video or only the picture on a cover, or one
    that is too large or of an unknown kind.
    """
    import av

    if file is None and not os.path.exists(path):
        raise unreadable(path, "No such file or directory")
    if file is None and path.is_dir():
        raise unreadable(path, "It is a folder")
    if file is None and path.is_file() and not path.stat().st_size:
        raise unreadable(path, "It is empty")
    limit = {"max_pixels": str(MOST_PIXELS)}
    try:
        if file is None:
            container = open_container(path, {**FILES_ALONE, **limit})
        else:
            # A playlist would name other files, or addresses.
            alone = {**limit, "protocol_whitelist": "none"}
            container = av.open(file, "r", options=alone, buffer_size=READ_BYTES)
    except (av.FFmpegError, OSError, ValueError) as error:  # ValueError: of names in no encoding
        raise unreadable(path, reason(error)) from error
    try:
        if container.format.name == "tty":
            # FFmpeg renders any text as a video of a terminal.
            raise SourceError(f"{path} is a text and no video.", "Give a file that has pictures.")
        if not _LISTS.isdisjoint(container.format.name.split(",")):
            raise SourceError(
                f"{path} is a list of other files and no video.", "Give one of those files."
            )
        stream = _moving_pictures(path, container)
        context = stream.codec_context
        if context is None:
            raise unreadable(path, "Its video is of a kind that FFmpeg does not know")
        if context.width * context.height > MOST_PIXELS:
            raise SourceError(
                f"{path} claims to have pictures of more than {MOST_PIXELS // 1_000_000} "
                "megapixels.",
                "Make it smaller first, if it is a video at all.",
            )
        context.options = limit
    except BaseException:
        container.close()
        raise
    return container, stream


def _moving_pictures(path: Path, container: InputContainer) -> VideoStream:
    """The first video that is no cover picture. Raises `SourceError` if there is none."""
    from av.stream import Disposition

    if not container.streams.video:
        raise SourceError(f"{path} has no video in it.", "Give a file that has pictures.")
    for stream in container.streams.video:
        # Also of the small pictures that stand for chapters.
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise SourceError(
        f"{path} has no video in it, only a cover picture.", "Give a file that has moving pictures."
    )


def unreadable(path: Path, why: str) -> SourceError:
    """The error for a video file that cannot be read."""
    return SourceError(
        f"{path} cannot be read as a video: {why.rstrip('.')}.",
        "Check the name, and that it plays in a video player.",
    )


def reason(error: Exception) -> str:
    """What FFmpeg says is wrong, in a few words."""
    return getattr(error, "strerror", None) or str(error)
