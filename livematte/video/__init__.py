"""A video file, matted from beginning to end into another."""

from livematte.video.job import VideoJob
from livematte.video.save import Save

__all__ = ["Save", "VideoJob"]
