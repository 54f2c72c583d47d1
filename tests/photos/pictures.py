"""Photo files of all kinds, made from one portrait, and broken ones."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image as Pillow
from PIL import ImageCms

from livematte.frame import Image
from tests.network.pictures import astronaut_photo

pillow_heif.register_heif_opener()

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

KINDS = (
    *("jpg", "jpeg", "png", "webp", "tif", "bmp", "heic"),
    *("grey.jpg", "cmyk.jpg", "palette.png", "rgba.png", "deep.png", "deep.tif", "bilevel.png"),
)


def portrait(side: int = 128) -> Image:
    """An astronaut: uint8 RGB (side, side, 3)."""
    return np.array(Pillow.fromarray(astronaut_photo()).resize((side, side)))


def write_photo(path: Path, kind: str = "", side: int = 128, **options: Any) -> Path:
    """Write the portrait, as "grey.jpg", "deep.png" and so on if `kind` says so."""
    picture = Pillow.fromarray(portrait(side))
    if "grey" in kind:
        picture = picture.convert("L")
    elif "cmyk" in kind:
        picture = picture.convert("CMYK")
    elif "palette" in kind:
        picture = picture.convert("P", palette=Pillow.Palette.ADAPTIVE)
    elif "rgba" in kind:
        picture.putalpha(Pillow.linear_gradient("L").resize((side, side)))
    elif "deep" in kind:
        grey = np.array(picture.convert("L")).astype(np.uint16) * 257
        picture = Pillow.fromarray(grey)
    elif "bilevel" in kind:
        picture = picture.convert("1")
    picture.save(path, **options)
    return path


def png(**options: Any) -> bytes:
    """The portrait as the content of a PNG file."""
    file = io.BytesIO()
    Pillow.fromarray(portrait()).save(file, "PNG", **options)
    return file.getvalue()


def read_pixels(path: Path) -> Image:
    """The pixels of a file, as they are stored."""
    with Pillow.open(path) as picture:
        return np.array(picture)
