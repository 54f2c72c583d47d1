"""Where frames come from. Only a renderer reads the frames of a source."""

from livematte.sources.camera import Camera
from livematte.sources.demo import Demo
from livematte.sources.listing import CameraInfo, list_cameras
from livematte.sources.reconnecting_camera import ReconnectingCamera
from livematte.sources.source import Source
from livematte.sources.video_file import VideoFile

__all__ = [
    "Camera",
    "CameraInfo",
    "Demo",
    "ReconnectingCamera",
    "Source",
    "VideoFile",
    "list_cameras",
]
