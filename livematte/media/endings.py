"""The endings of files' names. Nothing slow is loaded: the command line completes by them."""

from __future__ import annotations

from typing import Final

PHOTO_ENDINGS: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jif", ".jfif", ".jfi", ".mpo"),
        *(".png", ".apng", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif"),
        *(".heic", ".heics", ".heif", ".heifs", ".hif", ".avif", ".avifs"),
        *(".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".pbm", ".pgm", ".ppm", ".pnm"),
    }
)
"""What is taken for a photo in a folder; what begins like one is, too."""

VIDEO_ENDINGS: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"}
    | {".wmv", ".flv", ".ogv", ".3gp", ".mxf", ".y4m", ".nut"}
)

GIF: Final = frozenset({".gif"})
"""It may move: what is to be matted, the command line takes it for a video."""
