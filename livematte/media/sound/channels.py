"""Channels of sound: which speaker each is for, and how they are mixed for other speakers.

Speakers have FFmpeg's names: FL is front left, FC front centre, LFE the bass, and so on
(libavutil/channel_layout.c).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from av.audio.layout import AudioLayout

LAYOUTS: Final = {
    "mono": ("FC",),
    "stereo": ("FL", "FR"),
    "5.1": ("FL", "FR", "FC", "LFE", "BL", "BR"),
}
"""What every player plays, by FFmpeg's names."""

_USUAL: Final = {
    1: ("FC",),
    2: ("FL", "FR"),
    3: ("FL", "FR", "FC"),
    4: ("FL", "FR", "BL", "BR"),
    5: ("FL", "FR", "FC", "BL", "BR"),
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    7: ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}
"""What so many channels are usually for."""

_HALF: Final = 0.5**0.5
"""Half the power, as ITU-R BS.775 mixes a channel into its neighbours."""

_NEIGHBOURS: Final[Mapping[str, Mapping[str, float]]] = {
    "FC": {"FL": _HALF, "FR": _HALF},
    "LFE": {},
    "LFE2": {"LFE": 1},
    "BC": {"BL": _HALF, "BR": _HALF},
    "FLC": {"FL": _HALF, "FC": _HALF},
    "FRC": {"FR": _HALF, "FC": _HALF},
    "TC": {"TFC": _HALF},
    "TFC": {"FC": _HALF},
    "TBC": {"BC": _HALF},
    "BFC": {"FC": _HALF},
    "AMBI0": {"FL": 0.5, "FR": 0.5},
    "AMBI1": {"FL": 0.5, "FR": -0.5},
    **{
        left[:-1] + side if left[-1] == "L" else side + left[1:]: {
            near[:-1] + side if near[-1] == "L" else side + near[1:]: share
        }
        for left, near, share in (
            ("BL", "FL", _HALF),
            ("SL", "BL", 1.0),
            ("SSL", "SL", 1.0),
            ("SDL", "SL", 1.0),
            ("TSL", "SL", _HALF),
            ("TFL", "FL", _HALF),
            ("TBL", "BL", _HALF),
            ("TTL", "FL", _HALF),
            ("BFL", "FL", _HALF),
            ("WL", "FL", 1.0),
            ("DL", "FL", 1.0),
            ("BIL", "FL", 1.0),
        )
        for side in "LR"
    },
}
"""Who plays a channel that has no speaker, and how loud: its nearest neighbours.

Of ambisonics, the first two components in ACN order are decoded as two cardioids.
"""

_AMBISONIC: Final = "AMBI"


def speakers(layout: AudioLayout) -> tuple[str, ...]:
    """For each channel the speaker that it is for; what is usual where that is not told."""
    count = layout.nb_channels
    names = tuple(each.name for each in layout.channels)
    # "NONE" is of a layout that only counts, "UNK" and "USR64" of one that does not say.
    if any(each in _NEIGHBOURS or each in LAYOUTS["5.1"] for each in names):
        return names
    return _USUAL.get(count, ("FC",) * count)


def choose_layout(names: Sequence[str]) -> str:
    """The one of `LAYOUTS` that is next to what there is."""
    if len(names) <= 2:
        return "mono" if len(names) == 1 else "stereo"
    is_around = len(names) >= 5 and set(names) & {"BL", "SL", "BC", "SSL"}
    return "5.1" if is_around else "stereo"


def mixing_matrix(names: Sequence[str], layout: str) -> npt.NDArray[np.float32]:
    """What each speaker of `layout` plays of each channel: float32 (speakers, channels).

    It never plays louder than the loudest that there can be.
    """
    wanted = LAYOUTS[layout]
    if layout == "mono":
        stereo = mixing_matrix(names, "stereo")
        return (stereo[:1] + stereo[1:]) * np.float32(0.5)
    if tuple(names) == LAYOUTS["mono"] and layout == "stereo":
        return np.ones((2, 1), np.float32)
    matrix = np.zeros((len(wanted), len(names)), np.float32)
    for channel, name in enumerate(names):
        if name not in wanted and name not in _NEIGHBOURS:
            name = "LFE" if name.startswith(_AMBISONIC) else "FC"
            share = 0.0 if name == "LFE" else 1.0
        else:
            share = 1.0
        _add(matrix[:, channel], wanted, name, share)
    loudest = np.abs(matrix).sum(1).max(initial=1)
    return matrix / np.float32(loudest)


def _add(column: npt.NDArray[np.float32], wanted: Sequence[str], name: str, share: float) -> None:
    if name in wanted:
        column[wanted.index(name)] += share
        return
    for near, part in _NEIGHBOURS[name].items():
        _add(column, wanted, near, share * part)
