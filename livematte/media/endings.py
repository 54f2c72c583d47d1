"""File extensions. Nothing slow is loaded: the shell's completion uses them."""

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
"""Files with these count as photos in a folder, as do files that begin like a photo."""

VIDEO_ENDINGS: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"}
    | {".wmv", ".flv", ".ogv", ".3gp", ".mxf", ".y4m", ".nut"}
)

GIF: Final = frozenset({".gif"})
"""It can be animated: the command line mattes it as a video."""
