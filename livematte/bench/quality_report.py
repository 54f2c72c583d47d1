"""The results of measuring mattes: as data, as JSON and as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from rich.console import Group
from rich.markup import escape
from rich.table import Table

PHOTOS: Final = "photos"
ALL: Final = "all"
AVERAGE: Final = "average of the groups"

PRODUCT: Final = "product"
PLAIN_288: Final = "plain 288"
PLAIN_512: Final = "plain 512"
PLAINS: Final = (PLAIN_288, PLAIN_512)

WORSE: Final = 1.2
"""A picture is reported as worse if its MAD is more than this many times plain 288's."""

WORST_SHOWN: Final = 5


@dataclass(frozen=True)
class Errors:
    """The errors of a picture, or the mean of several; see `bench.metrics`. None if not measured.

    mad, mse, dtssd: for alpha from 0 to 1. lag_frames: of moving edges, at most 3.
    colour_levels: of the composite on a new background, where alpha is soft, 0 to 255.
    """

    mad: float | None
    mse: float | None
    sad_thousands: float | None
    gradient_thousands: float | None
    connectivity_thousands: float | None
    dtssd: float | None = None
    lag_frames: float | None = None
    colour_levels: float | None = None

    @classmethod
    def combined(
        cls, several: Iterable[Errors], combine: Callable[[list[float]], float | None]
    ) -> Errors:
        """Each error combined over the items that measured it; None if none did."""
        known = list(several)
        found = {}
        for name in METRICS:
            values = [value for each in known if (value := getattr(each, name)) is not None]
            found[name] = combine(values) if values else None
        return cls(**found)

    @classmethod
    def mean(cls, several: Iterable[Errors]) -> Errors:
        return cls.combined(several, lambda values: sum(values) / len(values))

    def times(self, yardstick: Errors) -> Errors:
        """These errors divided by the yardstick's; None for the lag, which is 0 at best."""
        found: dict[str, float | None] = {}
        for name in METRICS:
            ours, theirs = getattr(self, name), getattr(yardstick, name)
            comparable = ours is not None and theirs and name != "lag_frames"
            found[name] = ours / theirs if comparable else None
        return Errors(**found)


METRICS: Final = tuple(each.name for each in fields(Errors))

_COLUMNS: Final = {
    "mad": ("MAD e-3", 1e3),
    "mse": ("MSE e-3", 1e3),
    "sad_thousands": ("SAD k", 1.0),
    "gradient_thousands": ("gradient k", 1.0),
    "connectivity_thousands": ("connectivity k", 1.0),
    "dtssd": ("dtSSD e-2", 1e2),
    "lag_frames": ("lag, frames", 1.0),
    "colour_levels": ("colour, levels", 1.0),
}
"""Headings, and the factors for the figures below them."""


@dataclass(frozen=True)
class Measured:
    """A photo, or a clip in front of a background, and the errors of each setting by its name.

    group: `PHOTOS`, or the framing. frames: 1 for a photo.
    """

    name: str
    group: str
    frames: int
    errors: dict[str, Errors]

    @property
    def times_plain(self) -> float | None:
        """The product's MAD divided by plain 288's."""
        return self.errors[PRODUCT].times(self.errors[PLAIN_288]).mad


@dataclass(frozen=True)
class QualityReport:
    """The results of `measure_quality`.

    settings: what computed each setting's mattes, for people.
    noise_levels: standard deviation of the noise that was added to clips.
    """

    settings: dict[str, tuple[str, ...]]
    noise_levels: float
    pictures: tuple[Measured, ...]

    def groups(self) -> dict[str, dict[str, Errors]]:
        """The settings' errors by group: the mean over its pictures; a clip counts as one."""
        members: dict[str, list[Measured]] = {}
        for each in self.pictures:
            members.setdefault(each.group, []).append(each)
        members[ALL] = list(self.pictures)
        return {
            group: {
                name: Errors.mean(each.errors[name] for each in pictures) for name in self.settings
            }
            for group, pictures in members.items()
        }

    def average(self) -> dict[str, Errors]:
        """The settings' errors averaged over the groups, with `ALL` as one; all count alike."""
        groups = self.groups().values()
        return {name: Errors.mean(group[name] for group in groups) for name in self.settings}

    def worst(self) -> list[tuple[float, Measured]]:
        """Pictures by the product's MAD divided by plain 288's, the worst first."""
        known = [(ratio, each) for each in self.pictures if (ratio := each.times_plain) is not None]
        return sorted(known, key=lambda found: found[0], reverse=True)

    def worse(self) -> int:
        """How many pictures are above `WORSE`."""
        return sum(ratio > WORSE for ratio, _ in self.worst())

    def as_dict(self) -> dict[str, Any]:
        """For JSON: errors without the tables' factors."""
        return {
            "settings": {name: list(used) for name, used in self.settings.items()},
            "noise_levels": self.noise_levels,
            "average_of_groups": _as_dict(self.average()),
            "groups": {name: _as_dict(each) for name, each in self.groups().items()},
            "pictures": [
                {
                    "name": each.name,
                    "group": each.group,
                    "frames": each.frames,
                    "product_mad_times_plain_288": each.times_plain,
                    **_as_dict(each.errors),
                }
                for each in self.pictures
            ],
            "above": {"times_plain_288": WORSE, "pictures": self.worse()},
        }


def tables(report: QualityReport) -> Group:
    """The report for people."""
    table = Table(box=None)
    table.add_column("Group")
    table.add_column("Setting")
    for heading, _ in _COLUMNS.values():
        table.add_column(heading, justify="right")
    groups = {**report.groups(), AVERAGE: report.average()}
    for group, errors in groups.items():
        first = escape(group)
        for name, each in errors.items():
            cells = [
                _number(getattr(each, metric), scale) for metric, (_, scale) in _COLUMNS.items()
            ]
            table.add_row(first, escape(name), *cells)
            first = ""
        for name, ratios in _ratios(errors).items():
            cells = [_number(getattr(ratios, metric)) for metric in METRICS]
            table.add_row("", f"product / {name}", *cells)
        table.add_row()
    used = [
        f"{escape(name)}: {escape('; '.join(descriptions))}"
        for name, descriptions in report.settings.items()
    ]
    worst = report.worst()
    lines = [
        f"MAD of the product above {WORSE:g} times {PLAIN_288}'s: {report.worse()} of "
        f"{len(worst)}. The worst:",
        *(f"  {ratio:.2f}  {escape(each.name)}" for ratio, each in worst[:WORST_SHOWN]),
    ]
    return Group(*used, "", table, *lines)


def _ratios(errors: Mapping[str, Errors]) -> dict[str, Errors]:
    return {name: errors[PRODUCT].times(errors[name]) for name in PLAINS}


def _as_dict(errors: Mapping[str, Errors]) -> dict[str, Any]:
    return {
        "errors": {name: asdict(each) for name, each in errors.items()},
        "ratios": {f"product / {name}": asdict(each) for name, each in _ratios(errors).items()},
    }


def _number(value: float | None, scale: float = 1.0) -> str:
    """With at least three significant digits."""
    if value is None:
        return "-"
    scaled = scale * value
    return (
        f"{scaled:.1f}" if scaled >= 100 else f"{scaled:.2f}" if scaled >= 10 else f"{scaled:.3f}"
    )
