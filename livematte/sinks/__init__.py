"""Outputs for pictures. Every sink takes `Rendered` and nothing else."""

from livematte.linux.x11 import display_problem
from livematte.sinks.images import ImageFolder
from livematte.sinks.output import open_output
from livematte.sinks.preview.preview import PreviewWindow
from livematte.sinks.sink import Sink
from livematte.sinks.video.writer import VideoWriter
from livematte.sinks.virtual_camera import VirtualCamera

__all__ = [
    "ImageFolder",
    "PreviewWindow",
    "Sink",
    "VideoWriter",
    "VirtualCamera",
    "display_problem",
    "open_output",
]
