"""Mattes a whole video file into another one."""

from livematte.video.job import VideoJob
from livematte.video.save import Save

__all__ = ["Save", "VideoJob"]
