"""How far memory and the mirror may go beyond what a frame shows: `matting.anchor` on the GPU.

Written to be captured as a CUDA graph, like `render.cuda.frame`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from livematte.frame import Size
from livematte.matting.anchor import BROAD_CELLS, LOST, NEAR_CELLS, SAYS, SHOWS
from livematte.matting.sameness import CELL
from livematte.render.cuda.sameness import dilated, widened


class CudaAnchor:
    """`anchor.Anchor` on the GPU, for one size."""

    def __init__(self, size: Size, device: torch.device) -> None:
        """size: of the mattes, sides multiples of `CELL`."""
        self._straight, self._mirrored = (
            torch.zeros(size.height, size.width, device=device) for _ in range(2)
        )
        self._has_straight, self._has_mirrored = (
            torch.zeros(1, dtype=torch.bool, device=device) for _ in range(2)
        )

    def forget(self) -> None:
        """Reset to the state before the first frame."""
        self._has_straight.fill_(False)
        self._has_mirrored.fill_(False)

    def forget_if(self, wish: Tensor) -> None:
        """Reset if `wish`, bool (1,) on the device."""
        self._has_straight.masked_fill_(wish, False)
        self._has_mirrored.masked_fill_(wish, False)

    def tie(
        self, shown: Tensor, said: Tensor, is_mirrored: Tensor, changed: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Remove from `shown` what is neither near nor inside the broad parts of a frame's matte.

        shown, said: float32 (h, w) in [0, 1]. is_mirrored: bool (1,). changed: bool
            (h / CELL, w / CELL). See `anchor.Anchor.tie`.

        Returns the rest, and whether the two views disagree about a cell, bool (1,).
        """
        other = torch.where(is_mirrored, self._straight, self._mirrored)
        has_other = torch.where(is_mirrored, self._has_straight, self._has_mirrored)
        most, least = of_cells(torch.stack((said, other)))
        around, is_anybody = _around(least)
        near_both = around[0] & around[1] | changed
        differ = (least >= SAYS) & (most.flip(0) < SHOWS)
        is_disputed = has_other & (differ.any(0) & ~near_both).any()

        is_tied_to_both = is_mirrored & has_other
        near = widened(torch.where(is_tied_to_both, near_both, around[0]))
        both = torch.where(widened(changed), said, torch.minimum(said, other))
        tied = torch.minimum(shown, torch.where(is_tied_to_both, both, said))
        is_held = near | (shown >= LOST) & ~is_anybody[0]

        said = said.nan_to_num(0)  # NaN would never be forgotten
        self._straight.copy_(torch.where(is_mirrored, self._straight, said))
        self._mirrored.copy_(said)
        self._has_straight.logical_or_(is_mirrored.logical_not())
        self._has_mirrored.copy_(is_mirrored)
        return torch.where(is_held, shown, tied), is_disputed


def of_cells(mattes: Tensor) -> tuple[Tensor, Tensor]:
    """The largest and the smallest level of each cell, 0 to 255: (n, h / CELL, w / CELL)."""
    count, height, width = mattes.shape
    levels = (255 * mattes).round().view(count, height // CELL, CELL, width // CELL, CELL)
    return levels.amax(dim=(2, 4)), levels.amin(dim=(2, 4))


def _around(least: Tensor) -> tuple[Tensor, Tensor]:
    """`anchor.around` from the least levels: bool (n, rows, columns), and bool (n,)."""
    # Like the CPU's erosion, this counts everything beyond the border as broad.
    shows = 1 - dilated((least <= SHOWS).float(), BROAD_CELLS)
    broad = dilated(shows, BROAD_CELLS)
    sides = [
        side
        for axis in (1, 2)
        for side in (
            broad.cummax(axis).values,
            broad.flip(axis).cummax(axis).values.flip(axis),
        )
    ]
    surrounded = torch.stack(sides).amin(0)
    near = torch.maximum(dilated(broad, 2 * NEAR_CELLS + 1), surrounded)
    return near > 0, broad.amax(dim=(1, 2)) > 0
