from __future__ import annotations

import pytest

from livematte.linux.formats import is_colourless, problem, remedy


@pytest.mark.parametrize(
    ("formats", "said", "advice"),
    [
        (["MJPG", "YUYV"], "", ""),
        (["H264", "MJPG"], "", ""),
        ([], "", ""),
        (["GREY"], "", ""),
        (["H264"], "only in H264, which cannot be decoded", "-input_format h264 -i /dev/video2"),
        (["HEVC", "H264"], "only in HEVC and H264", "-input_format hevc"),
        (["RG10"], "only in RG10", "libcamera"),
        (["pRAA", "BG12"], "only in pRAA and BG12", "libcamera"),
        (["P010"], "only in P010", "ffmpeg -f v4l2 -i /dev/video2"),
        (["YVYU", "RGGB", "NV16"], "only in YVYU, RGGB and NV16", "ffmpeg"),
        (["Z16"], "depth maps (Z16), not pictures", "infrared or depth camera"),
        (["Y10", "Y8I"], "infrared or grey pictures in Y10 and Y8I", "infrared or depth camera"),
        (["Z16", "Y10"], "infrared or grey pictures in Z16 and Y10", "infrared or depth camera"),
    ],
)
def test_what_cannot_be_used_is_said_with_what_to_do(
    formats: list[str], said: str, advice: str
) -> None:
    assert said in problem(formats)
    assert bool(problem(formats)) == bool(said)
    if advice:
        assert advice in remedy(formats, "/dev/video2")
        assert "livematte cameras" in remedy(formats, "/dev/video2")


@pytest.mark.parametrize(
    ("name", "formats", "expected"),
    [
        ("Integrated IR Camera", ["YUYV"], True),
        ("Infrared", [], True),
        ("Integrated Camera: I", ["GREY"], True),
        ("RealSense", ["Z16"], True),
        ("vivid", ["YUYV", "GREY", "Y10"], False),
        ("Iris Webcam", ["MJPG"], False),
        ("Air", ["GREY", "MJPG"], False),
    ],
)
def test_infrared_cameras_are_known_by_name_or_format(
    name: str, formats: list[str], expected: bool
) -> None:
    assert is_colourless(name, formats) == expected
