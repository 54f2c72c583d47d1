"""Devices as they are spelled."""

from __future__ import annotations

import pytest

from livematte.errors import UsageError
from livematte.options.rendering import DEVICES, Device, DeviceKind


@pytest.mark.parametrize("text", [*DEVICES, "cuda:0", "cuda:12", "openvino:GPU.1", "openvino:CPU"])
def test_a_device_is_spelled_as_it_was(text: str) -> None:
    assert str(Device.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1:2", "CPU", "cpu:1", "auto:", "torch"],
        *["torch:cuda", "torch:cpu:0", "openvino", "openvino:", "openvino:gpu", "openvino:GPU.x"],
        *["cuda:\N{ARABIC-INDIC DIGIT ONE}", "cpu\n", " cpu", "cuda:1\n", "openvino:GPU\n"],
    ],
)
def test_what_is_no_device_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="is not known"):
        Device.parse(text)


def test_a_device_that_cannot_be_is_none_either_when_it_is_made() -> None:
    with pytest.raises(UsageError):
        Device(DeviceKind.CPU, "1")
