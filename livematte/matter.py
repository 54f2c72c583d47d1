"""Mattes and cut-outs of pictures, from Python.

    from livematte import cutout, matte

    alpha = matte(image)    # float32 (H, W), 0 is background and 1 is person
    person = cutout(image)  # uint8 (H, W, 4)

Both share one `Matter` with its network. For other settings, or for several at once, make your own
`Matter`: it holds the network, can be pickled, and takes batches as `ray.data` gives them.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livematte.errors import UsageError
from livematte.frame import Image, Size
from livematte.matting.colours import estimate_foreground
from livematte.matting.edges import upsample_matte
from livematte.matting.holes import SECOND_LOOK, fill_holes, find_holes
from livematte.matting.shrink import shrink_photo
from livematte.network.size import DEFAULT_SHORT_SIDE, SHORT_SIDES, network_size
from livematte.options.rendering import Device, RenderOptions
from livematte.render.opening import open_still_network
from livematte.render.still import StillNetwork


class Matter:
    """Mattes people in single pictures; it loads the network when it is first needed, and keeps it.

    Any number of threads can share one. A pickle has the settings but not the network, which is
    loaded again after unpickling.
    """

    def __init__(
        self,
        *,
        matte_short_side: int = DEFAULT_SHORT_SIDE,
        device: str = "auto",
        precision: str = "fp32",
        weights: str = "photographic",
        threads: int | None = None,
        parallel: int = 1,
    ) -> None:
        """Settings only; nothing is loaded yet.

        matte_short_side: shorter side of the network's input, in pixels.
        device: auto, cpu, cuda, cuda:N, openvino:GPU, openvino:NPU or torch:cpu.
        precision: fp32, int8, fp16 or auto.
        weights: photographic, webcam if it was pulled, or the path of a converted file.
        threads: how many CPU cores to use; None for all.
        parallel: how many threads will call at once. 1 gives the lowest latency, on all cores; as
            many as there are cores gives the most mattes per second.

        Raises `UsageError` if a value is not possible.
        """
        if matte_short_side not in SHORT_SIDES:
            raise UsageError(
                f"Matte size {matte_short_side} is not from {SHORT_SIDES.start} to "
                f"{SHORT_SIDES.stop - 1}.",
                f"Leave it out, or try {DEFAULT_SHORT_SIDE}.",
            )
        self.matte_short_side = matte_short_side
        self._options = RenderOptions(
            Device.parse(device),
            precision,
            matte_short_side=matte_short_side,
            threads=threads,
            weights=weights,
        )
        self._parallel = parallel
        self._network: StillNetwork | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        kept = ("matte_short_side", "_options", "_parallel")
        return {name: self.__dict__[name] for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _network=None, _lock=threading.Lock())

    def load(self) -> str:
        """Load the network if it is not loaded yet; returns a description of it for people.

        Raises `DeviceError` if the device cannot be used, and `WeightsError` if the weights cannot.
        """
        with self._lock:
            if self._network is None:
                self._network = open_still_network(self._options, self._parallel)
            return self._network.description

    def matte(self, image: Image) -> NDArray[np.float32]:
        """The matte of `image`, uint8 RGB (H, W, 3): float32 (H, W), 0 background to 1 person.

        Raises `ValueError` if the picture has another type or shape, `RenderError` if the network
        fails (`MatteError` if its numbers are not an alpha), and what `load` raises. It does not
        judge further whether the matte can be right; `livematte image` does.
        """
        require_rgb(image)
        self.load()
        small, alpha = self._look(image, self.matte_short_side)
        if holes := find_holes(alpha):
            _, second = self._look(image, round(self.matte_short_side * SECOND_LOOK))
            alpha = fill_holes(alpha, holes, second, small)
        return upsample_matte(alpha, small, image)

    def _look(self, image: Image, short_side: int) -> tuple[Image, NDArray[np.float32]]:
        """What the network sees of `image` at a size, uint8 RGB (h, w, 3), and its matte (h, w)."""
        assert self._network is not None
        small = shrink_photo(image, network_size(Size.of(image), short_side))
        bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)
        return small, self._network.matte(bgr)

    def cutout(self, image: Image) -> Image:
        """The person alone: uint8 RGBA (H, W, 4) of `image`, uint8 RGB (H, W, 3).

        Alpha is straight. Where it is soft, colours are the person's, with the room's removed;
        where it is 0 they are 0, so that the picture holds nothing of the room.

        Raises what `matte` raises.
        """
        alpha = to_uint8(self.matte(image))
        return np.dstack((estimate_foreground(image, alpha), alpha))

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """A batch with the column "alpha" added to "image", for `ray.data.Dataset.map_batches`.

        batch: columns by name. "image" has pictures, uint8 RGB (H, W, 3) each: one array (N, H, W,
            3), or an array of N objects if sizes differ. "alpha" is float32 in the same form.

        Raises `KeyError` without such a column, and what `matte` raises.
        """
        mattes = [self.matte(np.ascontiguousarray(image)) for image in batch["image"]]
        alpha: NDArray[Any]
        if len({each.shape for each in mattes}) == 1:
            alpha = np.stack(mattes)
        else:
            alpha = np.empty(len(mattes), object)
            alpha[:] = mattes
        return {**batch, "alpha": alpha}


def matte(image: Image) -> NDArray[np.float32]:
    """The matte of `image`, uint8 RGB (H, W, 3): float32 (H, W), 0 background to 1 person.

    Raises what `Matter.matte` raises.
    """
    return _usual().matte(image)


def cutout(image: Image) -> Image:
    """The person alone: uint8 RGBA (H, W, 4) of `image`, uint8 RGB (H, W, 3), straight alpha.

    Raises what `Matter.matte` raises.
    """
    return _usual().cutout(image)


@cache
def _usual() -> Matter:
    return Matter()


def to_uint8(matte: NDArray[np.float32]) -> Image:
    """A matte (H, W) from 0 to 1 as uint8 from 0 to 255."""
    return cv2.convertScaleAbs(matte, alpha=255).astype(np.uint8, copy=False)


def require_rgb(image: NDArray[Any]) -> None:
    """Raises `ValueError` unless `image` is uint8 (H, W, 3) with at least one pixel."""
    if not isinstance(image, np.ndarray):
        raise ValueError(f"image: expected a NumPy array, got {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"image: expected uint8 RGB (H, W, 3), got {image.dtype} {image.shape}")
