"""Mattes of photographs: one, a folder or a collection."""

from livematte.media.endings import PHOTO_ENDINGS
from livematte.photos.find import Failure, Found, Photograph, find_photos
from livematte.photos.job import PhotoJob, Report
from livematte.photos.names import FixedName, Naming
from livematte.photos.options import PhotoOptions
from livematte.photos.results import Results, StreamResult
from livematte.photos.save import FORMATS, Save

__all__ = [
    "FORMATS",
    "PHOTO_ENDINGS",
    "Failure",
    "FixedName",
    "Found",
    "Naming",
    "PhotoJob",
    "PhotoOptions",
    "Photograph",
    "Report",
    "Results",
    "Save",
    "StreamResult",
    "find_photos",
]
