"""HDR and wide gamuts, of today's cameras and phones: seen as an SDR viewer shows them."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from livematte.frame import Image
from livematte.media.hdr import P3_D65
from livematte.media.photo.cicp import Cicp
from livematte.media.photo.profile import describe
from livematte.media.photo.read import Photo, open_photo, to_srgb
from livematte.media.video.colour import BT2020, HLG, PQ
from tests.cli.runs import livematte
from tests.photos.test_colours import chunk, png16

Floats = NDArray[np.float64]

PATCH = 32
SEEN: Floats = np.array(
    [
        *((40, 90, 160), (200, 150, 100), (128, 128, 128), (240, 240, 240)),
        *((20, 20, 20), (180, 40, 40), (30, 160, 60), (0, 0, 0)),
    ],
    float,
)
"""As an SDR display shows them, in sRGB."""

TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
"""From linear RGB of BT.709: Report ITU-R BT.2087."""

WHITE_NITS = 203
"""Report ITU-R BT.2408."""


def light(levels: Floats) -> Floats:
    share = levels / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def pq(nits: Floats) -> Floats:
    power = (nits / 10_000) ** (2610 / 16384)
    inside = (3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)
    return np.asarray(inside ** (2523 / 32))


def hlg(nits: Floats) -> Floats:
    shown = nits / 1000
    luminance = shown @ (0.2627, 0.6780, 0.0593)
    scene = shown / np.maximum(luminance[:, None], 1e-9) ** (0.2 / 1.2)
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)


CODES = {
    transfer: encode(np.maximum(light(SEEN) @ TO_2020.T, 0) * WHITE_NITS)
    for transfer, encode in ((PQ, pq), (HLG, hlg))
}
"""The colours as R'G'B' of BT.2020, from 0 to 1."""


def patches(codes: Floats, most: int) -> NDArray[np.uint16]:
    rows = np.rint(np.clip(codes, 0, 1) * most).astype("<u2")
    return rows.repeat(PATCH, 0)[np.newaxis].repeat(2 * PATCH, 0)


def heic(codes: Floats, primaries: int, transfer: int) -> bytes:
    """10 bits, of Y'CbCr with the matrix of BT.2020."""
    pixels = patches(codes, 65535)
    made = pillow_heif.from_bytes("RGB;16", (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    data = io.BytesIO()
    made.save(
        data,
        quality=-1,
        chroma=444,
        color_primaries=primaries,
        transfer_characteristics=transfer,
        matrix_coefficients=9,
        full_range_flag=1,
    )
    return data.getvalue()


def avif(codes: Floats, primaries: int, transfer: int) -> bytes:
    """10 bits, of Y'CbCr with the matrix of BT.2020, and limited range."""
    if "libsvtav1" not in av.codecs_available:
        pytest.skip("PyAV has no encoder for AV1")
    red, green, blue = patches(codes, 65535).transpose(2, 0, 1) / 65535
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    chroma = (blue - luma) / 1.8814, (red - luma) / 1.4746
    frame = av.VideoFrame(luma.shape[1], luma.shape[0], "yuv420p10le")
    planes = 64 + 876 * luma, *(512 + 896 * each[::2, ::2] for each in chroma)
    for plane, values in zip(frame.planes, planes, strict=True):
        padded = np.zeros((plane.height, plane.line_size // 2), "<u2")
        padded[:, : plane.width] = np.rint(values)
        plane.update(padded.tobytes())
    frame.pts, frame.time_base = 0, Fraction(1)
    data = io.BytesIO()
    with av.open(data, "w", format="avif") as container:
        stream = container.add_stream("libsvtav1", rate=1, options={"crf": "1", "preset": "8"})
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc = primaries, transfer
        context.colorspace, context.color_range = 9, 1
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return data.getvalue()


def png(codes: Floats, primaries: int, transfer: int) -> bytes:
    """16 bits, with a chunk cICP."""
    return png16(2, patches(codes, 65535), chunk(b"cICP", bytes((primaries, transfer, 0, 1))))


def jpeg(codes: Floats, primaries: int, transfer: int) -> bytes:
    """8 bits, with a profile that has a cicpTag."""
    profile = bytearray(describe(primaries, None))
    tag = b"cicp" + bytes((0, 0, 0, 0, primaries, transfer, 0, 1))
    at = profile.index(b"cprt")  # of which nobody reads any
    profile[at : at + 12] = struct.pack(">4sII", b"cicp", len(profile), len(tag))
    data = io.BytesIO()
    pixels = patches(codes, 255).astype(np.uint8)
    Pillow.fromarray(pixels).save(
        data, "JPEG", quality=100, subsampling=0, icc_profile=bytes(profile) + tag
    )
    return data.getvalue()


KINDS = {"heic": heic, "avif": avif, "png": png, "jpg": jpeg}


def read(path: Path) -> tuple[Photo, bool]:
    with open_photo(path) as opened:
        return opened.decode(), opened.is_hdr


def middles(image: Image) -> Floats:
    return image[PATCH, PATCH // 2 :: PATCH].astype(float)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_hdr_is_seen_as_on_an_sdr_display(tmp_path: Path, kind: str, transfer: int) -> None:
    path = tmp_path / f"hdr.{kind}"
    path.write_bytes(KINDS[kind](CODES[transfer], BT2020, transfer))
    photo, is_hdr = read(path)
    assert is_hdr
    assert photo.profile is None
    # JPEG has 8 bits of what was made for 10.
    assert np.abs(middles(photo.image) - SEEN).max() <= (8 if kind == "jpg" else 4)


def test_that_it_was_hdr_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(heic(CODES[PQ], BT2020, PQ))
    Pillow.new("RGB", (64, 64)).save(tmp_path / "b.png")
    ended = livematte("image", str(tmp_path), "-o", str(tmp_path / "out"))
    assert ended.code == 0, ended.said
    assert f"1 photo is HDR and converted to SDR: {tmp_path / 'a.heic'}\n" in ended.said


def test_what_is_brighter_than_white_keeps_its_hue(tmp_path: Path) -> None:
    glare = np.repeat([[4000, 2000, 1000], [203, 203, 203], [9999, 9999, 9999]], 3, 0)
    (tmp_path / "a.heic").write_bytes(heic(pq(glare.astype(float)), BT2020, PQ))
    lamp, _, _, white, _, _, sun, _, _ = middles(read(tmp_path / "a.heic")[0].image)
    assert lamp[0] > lamp[1] > lamp[2]
    assert lamp[0] >= 247
    assert (white >= 247).all()
    assert (sun >= 250).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("primaries", [P3_D65, BT2020])
def test_wide_gamuts_are_kept(tmp_path: Path, kind: str, primaries: int) -> None:
    """Ten bits, or a wide gamut, without HDR: as phones and screenshots have it."""
    to_2020 = TO_2020
    to_p3 = np.array([[0.8225, 0.1774, 0], [0.0332, 0.9669, 0], [0.0171, 0.0724, 0.9108]])
    linear = np.maximum(light(SEEN) @ (to_p3 if primaries == P3_D65 else to_2020).T, 0)
    codes = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    path = tmp_path / f"wide.{kind}"
    path.write_bytes(KINDS[kind](codes, primaries, 13))
    photo, is_hdr = read(path)
    assert not is_hdr
    assert photo.profile is not None
    assert np.abs(middles(photo.image) - 255 * codes).max() <= 4
    assert np.abs(middles(to_srgb(photo.image, photo.profile)) - SEEN).max() <= 6


def test_ten_bits_of_srgb_are_what_they_were(tmp_path: Path) -> None:
    for kind in ("heic", "avif"):
        path = tmp_path / f"deep.{kind}"
        path.write_bytes(KINDS[kind](SEEN / 255, 1, 13))
        photo, is_hdr = read(path)
        assert not is_hdr
        assert photo.profile is None
        assert np.abs(middles(photo.image) - SEEN).max() <= 4


def test_a_gain_map_and_its_hdr_say_nothing_of_the_photo_itself(tmp_path: Path) -> None:
    """Phones store SDR, and beside it what makes it HDR, which has other numbers."""
    small = Pillow.new("RGB", (64, 64), (200, 150, 100))
    made = pillow_heif.from_pillow(small)
    made[0].info.update(nclx(1, 13))
    hdr = made.add_from_pillow(small)
    hdr.info.update(nclx(BT2020, PQ))
    for shown in (0, 1):
        path = tmp_path / f"{shown}.heic"
        made.save(path, primary_index=shown, quality=90)
        with open_photo(path) as opened:
            assert opened.is_hdr == (shown == 1)


def nclx(primaries: int, transfer: int) -> dict[str, Any]:
    numbers = {
        "color_primaries": primaries,
        "transfer_characteristics": transfer,
        "matrix_coefficients": 6,
        "full_range_flag": 1,
    }
    return {"nclx_profile": numbers}


def test_hdr_is_turned_and_transparent_as_ever(tmp_path: Path) -> None:
    pixels = np.dstack([patches(CODES[PQ], 65535), np.full((64, 256), 65535, "<u2")])
    pixels[:, :32, 3] = 0
    exif = Pillow.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.png"
    chunks = chunk(b"cICP", bytes((BT2020, PQ, 0, 1))) + chunk(b"eXIf", exif.tobytes()[6:])
    path.write_bytes(png16(6, pixels, chunks))
    photo, is_hdr = read(path)
    assert is_hdr
    assert photo.image.shape == (256, 64, 3)
    assert photo.alpha is not None
    assert photo.alpha[:32].max() == 0
    assert photo.alpha[32:].min() == 255
    assert np.abs(photo.image[80, 32] - SEEN[2]).max() <= 3


@pytest.mark.parametrize("told", [(9, 16), (12, 13), (1, 13), (9, 4), (0, 255), (2, 2)])
def test_numbers_that_are_told_are_a_profile_or_nothing(told: tuple[int, int]) -> None:
    profile = Cicp(*told).profile()
    assert (profile is not None) == (told in ((12, 13), (9, 4)))
