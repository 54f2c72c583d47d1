"""The interface of a network for single pictures of any size, called from several threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from livematte.errors import MatteError
from livematte.matting.matte_guard import range_problem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from livematte.frame import Image


class StillNetwork(Protocol):
    """Computes mattes, from any thread."""

    @property
    def description(self) -> str:
        """Shown to the user: "OpenVINO fp32 on the CPU"."""
        ...

    def matte(self, pixels: Image) -> NDArray[np.float32]:
        """The matte of a picture at the network's size: uint8 BGR (h, w, 3) to float32 (h, w).

        Values are in [0, 1].

        Raises `RenderError` if the network fails, or its subclass `MatteError` if values of the
        matte are not valid alpha.
        """
        ...


def usable(matte: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the matte. Raises `MatteError` if its values are not valid alpha."""
    if problem := range_problem(matte):
        raise MatteError(problem)
    return matte
