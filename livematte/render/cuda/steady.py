"""Stabilises the matte at the network's size and removes islands: `matting.steady` on the GPU.

Written to be captured as a CUDA graph, like `render.cuda.frame`: all state from earlier frames is
in tensors with fixed addresses, even whether the next frame is mirrored. All graphs are replayed on
one stream in the order of their frames, and so share one past.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from livematte.frame import Size
from livematte.matting.anchor import DISPUTE_FRAMES, LOST
from livematte.matting.matte_guard import ALL, NOBODY
from livematte.matting.sameness import CELL
from livematte.matting.steady import (
    CLEAR,
    CONFIRMED,
    CONNECTS,
    DOUBT,
    FAITH,
    FRINGE_CELLS,
    MARGIN_ROWS,
    MIRRORED_CONTRAST,
    MOST_FRAMES,
    POSSIBLE,
    SOLID_CELLS,
    SURE,
    UNCONFIRMED,
)
from livematte.options.refinement import Refinement
from livematte.render.cuda.anchor import CudaAnchor, of_cells
from livematte.render.cuda.sameness import CudaSameness, dilated


class CudaRefiner:
    """`steady.Refiner` on the GPU, for one size."""

    def __init__(self, size: Size, refinement: Refinement, device: torch.device) -> None:
        """size: of the mattes, sides multiples of `CELL`.

        refinement: for the next captures; it can be changed between two graphs, which share the
            past.
        """
        self.refinement = refinement
        # So that the first frame is not mirrored.
        self._mirrored = torch.ones(1, dtype=torch.bool, device=device)
        self._straight_frames = torch.zeros(1, dtype=torch.int32, device=device)
        self._past = _Past(size, device)
        self._anchor = CudaAnchor(size, device)

    def forget_if(self, wish: Tensor) -> None:
        """If `wish`, bool (1,) on the device, reset everything but whose turn the mirror is."""
        self._straight_frames.masked_fill_(wish, 0)
        self._anchor.forget_if(wish)
        self._past.forget_if(wish)

    def views(self, pixels: Tensor) -> Tensor:
        """The views of a frame to show to the network: (n, h, w, 3), from float32 BGR (h, w, 3)."""
        mirrored = pixels.flip(1)
        if self.refinement.both_views:
            return torch.stack((pixels, mirrored))
        if not self.refinement.steady:
            self._mirrored.fill_(True)
            return pixels[None]
        contrast = pixels[::CELL, ::CELL].std(dim=(0, 1), correction=0).amax()
        is_due = (self._straight_frames == 0) & (contrast >= MIRRORED_CONTRAST)
        self._straight_frames.sub_(1).clamp_(min=0)
        self._mirrored.logical_not_().logical_and_(is_due)
        return torch.where(self._mirrored, mirrored, pixels)[None]

    def refine(self, mattes: Tensor, pixels: Tensor) -> Tensor:
        """The refined matte: float32 (h, w) in [0, 1].

        mattes: float32 (n, h, w) in [0, 1], the network's mattes of the views.
        pixels: float32 BGR (h, w, 3), the argument of `views`.
        """
        coverage = mattes.mean((1, 2))
        unlikely = (coverage < NOBODY) | (coverage > ALL)
        raw = said = matte = self.unmirrored(mattes)
        if self.refinement.both_views:
            raw = torch.where(unlikely[0], mattes[0], mattes[1].flip(1))
        if self.refinement.steady:
            matte, changed = self._past.add(matte, pixels, unlikely.any())
            both = torch.stack((matte, said))
            if self.refinement.islands:
                both = without_islands(both, said)
            is_mirrored = self._mirrored & (not self.refinement.both_views)
            alone = torch.minimum(both[1], said)  # without islands, with its doubts unfilled
            matte, is_disputed = self._anchor.tie(both[0], alone, is_mirrored, changed)
            self._straight_frames.masked_fill_(is_disputed, DISPUTE_FRAMES)
            self._straight_frames.masked_fill_(unlikely.any(), 0)
            self._anchor.forget_if(unlikely.any())
        else:
            self._past.end()
            self._anchor.forget()
            self._straight_frames.zero_()
            if self.refinement.islands:
                matte = without_islands(matte[None], said)[0]
        if self.refinement.margin:
            matte = with_edge_moved(matte, self.refinement.margin)
        return torch.where(unlikely.any(), raw, matte)

    def unmirrored(self, mattes: Tensor) -> Tensor:
        """The mean of the views' mattes, with mirrored ones flipped back: (h, w)."""
        turned = mattes.flip(2)
        if self.refinement.both_views:
            return 0.5 * mattes[0] + 0.5 * turned[1]
        if not self.refinement.steady:
            return mattes[0]
        return torch.where(self._mirrored, turned[0], mattes[0])


class _Past:
    """The recent look of each pixel, and the mean of the network's alpha in that time.

    alpha, frames, said, agreed: float32 (h, w); colour: float32 BGR (h, w, 3). See
    `steady.Refiner`.
    """

    def __init__(self, size: Size, device: torch.device) -> None:
        shape = (size.height, size.width)
        self._alpha, self._frames, self._said, self._agreed = (
            torch.zeros(shape, device=device) for _ in range(4)
        )
        self._colour = torch.zeros(*shape, 3, device=device)
        self._sameness = CudaSameness(size, device)

    @property
    def _all(self) -> tuple[Tensor, ...]:
        return self._alpha, self._colour, self._frames, self._said, self._agreed

    def end(self) -> None:
        """Treat the next frame as the first."""
        self._frames.zero_()

    def forget_if(self, wish: Tensor) -> None:
        for each in self._all:
            each.masked_fill_(wish, 0)

    def add(self, matte: Tensor, pixels: Tensor, is_last: Tensor) -> tuple[Tensor, Tensor]:
        """Add a frame. Returns the mean, and which cells visibly changed: bool.

        The first tensor belongs to the past and must not be changed.

        is_last: bool (), whether to forget everything afterwards.
        """
        is_first = self._frames.amax() == 0
        # NaN would never be forgotten. The frame path reports such a frame.
        now = torch.where(matte.isfinite(), matte, self._alpha)
        for past, first in ((self._alpha, now), (self._said, now), (self._colour, pixels)):
            past.copy_(torch.where(is_first, first, past))
        change, turn = pixels - self._colour, now - self._alpha
        sameness = self._sameness.compare(change, turn, pixels, is_first)
        moved = sameness.moved
        agreed = torch.maximum(self._agreed * (1 - moved), torch.minimum(now, self._said))
        self._agreed.copy_(torch.where(is_first, 0.0, agreed))
        upper = torch.minimum(
            now + 1 - (1 - FAITH) * sameness.strict,
            torch.where(is_first, now, CONFIRMED * agreed) + UNCONFIRMED + sameness.seen,
        )
        lower = now - 1 + (1 - FAITH) * sameness.likely
        # A pixel that looks very different loses its past; one that looks a bit different, part.
        self._frames.mul_(1 - moved).add_(1).clamp_(max=MOST_FRAMES)
        weight = torch.maximum(self._frames.reciprocal(), moved)
        mean = self._alpha + turn * weight
        alpha = torch.maximum(torch.minimum(mean, upper), lower)
        self._alpha.copy_(torch.where(_lost(alpha, now), now + UNCONFIRMED, alpha))
        self._said.copy_(now)
        self._colour.add_(change * weight[..., None])
        self._frames.mul_(is_last.logical_not())
        return self._alpha, sameness.seen[::CELL, ::CELL] > 0.5


def _lost(alpha: Tensor, now: Tensor) -> Tensor:
    """Where the past keeps alpha that the network no longer sees: bool (h, w)."""
    ((most,), _) = of_cells(now[None])
    # Erosion of the clear cells; everything beyond the border counts as clear.
    unclear = F.pad((most >= CLEAR).float(), (1, 0, 1, 0))
    clear = F.max_pool2d(unclear[None], 2, 1)[0] == 0
    clear_pixels = clear.repeat_interleave(CELL, 0).repeat_interleave(CELL, 1)
    return clear_pixels & (alpha < LOST) & (alpha > now + UNCONFIRMED)


def without_islands(mattes: Tensor, said: Tensor) -> Tensor:
    """Remove islands from mattes, float32 (n, h, w) in [0, 1], as `steady.take_out_islands`.

    Paths are followed for as many cells as the grid has rows plus columns, enough for an arm from
    corner to corner; a part connected only by a longer path counts as an island here.
    """
    count, height, width = mattes.shape
    (most, least), (_, least_said) = of_cells(mattes), of_cells(said[None])
    # Like the CPU's erosion, this counts everything beyond the border as part of the person.
    unsure = (torch.cat((least, least_said)) <= SURE).float()
    solids = 1 - dilated(unsure, SOLID_CELLS)
    solid = torch.maximum(solids[:-1], solids[-1:])
    doubtful = (least < SURE).float()
    within = torch.cat((torch.maximum((most > CONNECTS).float(), solid), doubtful))
    connected = _connected(within, torch.cat((solid, (least < DOUBT).float())))
    person, gaps = connected[:count], connected[count:]
    fringe = dilated(person, 2 * FRINGE_CELLS + 1) * (most <= CONNECTS)
    outside = (most > POSSIBLE) & (person == 0) & (fringe == 0)
    is_anybody = (solid > 0).any(dim=2, keepdim=True).any(dim=1, keepdim=True)
    islands, doubts = (
        (each & is_anybody)[:, :, None, :, None] for each in (outside, doubtful > gaps)
    )
    cells = mattes.view(count, height // CELL, CELL, width // CELL, CELL)
    settled = torch.where(doubts, 1.0, torch.where(islands, 0.0, cells))
    return settled.view(count, height, width)


def _connected(within: Tensor, seeds: Tensor) -> Tensor:
    """The parts of `within` connected to a seed, diagonally too: 0 or 1, (n, rows, columns).

    Morphological reconstruction (Vincent, IEEE Transactions on Image Processing, 1993), one cell
    per step. A CUDA graph cannot loop until nothing changes, so it always runs the most steps.
    """
    reached = torch.minimum(seeds, within)
    for _ in range(sum(within.shape[1:])):
        reached = torch.minimum(dilated(reached, 3), within)
    return reached


def with_edge_moved(matte: Tensor, margin: int) -> Tensor:
    """Move the edge of a matte, float32 (h, w) in [0, 1], as `steady.move_edge`."""
    sign = 1 if margin > 0 else -1
    pixels = abs(margin) * matte.shape[0] / MARGIN_ROWS
    outside = sign * matte[None]  # inwards for the person is outwards for the room
    for step in range(math.ceil(pixels)):
        if step % 2:
            up, across = (
                F.max_pool2d(outside, side, 1, padding)
                for side, padding in (((3, 1), (1, 0)), ((1, 3), (0, 1)))
            )
            further = torch.maximum(up, across)
        else:
            further = F.max_pool2d(outside, 3, 1, 1)
        outside = torch.lerp(outside, further, min(1.0, pixels - step))
    return sign * outside[0]
