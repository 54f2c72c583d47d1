"""Where frames come from. Only a renderer reads what a source yields."""

from livematte.sources.camera import Camera
from livematte.sources.demo import Demo
from livematte.sources.lasting_camera import LastingCamera
from livematte.sources.listing import CameraInfo, list_cameras
from livematte.sources.source import Source
from livematte.sources.video_file import VideoFile

__all__ = ["Camera", "CameraInfo", "Demo", "LastingCamera", "Source", "VideoFile", "list_cameras"]
