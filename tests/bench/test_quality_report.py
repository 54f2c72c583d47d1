from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from livematte.bench.quality_report import Errors, Measured, QualityReport, tables


def errors(mad: float, colour: float | None = None, lag: float | None = None) -> Errors:
    return Errors(
        mad, mad**2, 100 * mad, 2 * mad, mad, None if colour is None else mad, lag, colour
    )


def picture(
    name: str, group: str, mads: tuple[float, ...], colour: float | None = None
) -> Measured:
    names = ("plain 288", "plain 512", "product")
    lag = None if colour is None else 0.5
    each = {name: errors(mad, colour, lag) for name, mad in zip(names, mads, strict=True)}
    return Measured(name, group, 1 if colour is None else 90, each)


REPORT = QualityReport(
    {"plain 288": ("Network [A]",), "plain 512": ("Network [A]",), "product": ("Network B",)},
    2.0,
    (
        picture("ann", "photos", (0.010, 0.020, 0.005)),
        picture("bob", "photos", (0.030, 0.040, 0.045)),
        picture("clip on room, close-up", "close-up", (0.002, 0.004, 0.0022), colour=8.0),
        picture("clip on room, 16:9", "16:9", (0.004, 0.002, 0.002), colour=4.0),
    ),
)


def test_means_leave_out_what_was_not_measured() -> None:
    mean = Errors.mean([errors(0.1, 8.0, 1.0), errors(0.3)])
    assert (mean.mad, mean.colour_levels, mean.lag_frames) == pytest.approx((0.2, 8, 1))
    assert mean.dtssd == pytest.approx(0.1)
    assert Errors.mean([errors(0.1), errors(0.3)]).dtssd is None


def test_ratios_are_of_what_both_have() -> None:
    ratio = errors(0.1, 8.0, 1.0).times(errors(0.2, 4.0, 1.0))
    assert (ratio.mad, ratio.mse, ratio.colour_levels) == pytest.approx((0.5, 0.25, 2))
    assert ratio.lag_frames is None, "twice no lag is no lag"
    assert errors(0.1, 8.0).times(errors(0.2)).colour_levels is None
    assert errors(0.1).times(errors(0.0)).mad is None


def test_groups_are_means_over_their_pictures_and_all_over_all() -> None:
    groups = REPORT.groups()
    assert list(groups) == ["photos", "close-up", "16:9", "all"]
    product = {group: each["product"].mad for group, each in groups.items()}
    assert product == pytest.approx(
        {"photos": 0.025, "close-up": 0.0022, "16:9": 0.002, "all": 0.0542 / 4}
    )
    assert groups["photos"]["product"].colour_levels is None
    assert groups["all"]["product"].colour_levels == pytest.approx(6)


def test_the_average_is_over_the_groups() -> None:
    average = REPORT.average()
    assert average["product"].mad == pytest.approx((0.025 + 0.0022 + 0.002 + 0.01355) / 4)
    assert average["plain 288"].mad == pytest.approx((0.02 + 0.002 + 0.004 + 0.0115) / 4)
    assert average["product"].colour_levels == pytest.approx((8 + 4 + 6) / 3)


def test_pictures_are_held_against_plain_288() -> None:
    ratios = [(round(ratio, 3), each.name) for ratio, each in REPORT.worst()]
    assert ratios == [
        (1.5, "bob"),
        (1.1, "clip on room, close-up"),
        (0.5, "ann"),
        (0.5, "clip on room, 16:9"),
    ]
    assert REPORT.worse() == 1


def test_json_holds_all_of_it() -> None:
    found = json.loads(json.dumps(REPORT.as_dict()))
    assert found["settings"]["product"] == ["Network B"]
    assert found["noise_levels"] == 2
    assert found["above"] == {"times_plain_288": 1.2, "pictures": 1}
    bob = found["pictures"][1]
    assert (bob["name"], bob["group"], bob["frames"]) == ("bob", "photos", 1)
    assert bob["product_mad_times_plain_288"] == pytest.approx(1.5)
    assert bob["errors"]["plain 512"]["mad"] == pytest.approx(0.04)
    assert bob["ratios"]["product / plain 512"]["mad"] == pytest.approx(0.045 / 0.04)
    assert found["groups"]["16:9"]["errors"]["product"]["colour_levels"] == 4
    average = found["average_of_groups"]
    assert average["errors"]["product"]["mad"] == pytest.approx(REPORT.average()["product"].mad)
    assert average["ratios"]["product / plain 288"]["mad"] == pytest.approx(0.04275 / 0.0375)


def rows_of(told: str) -> dict[str, list[list[str]]]:
    """The numbers of the table's lines by setting, group after group."""
    rows: dict[str, list[list[str]]] = {}
    for name in ("product / plain 288", "product / plain 512", "plain 288", "plain 512", "product"):
        for line in told.splitlines():
            before, found, after = line.partition(f" {name}  ")
            if found and "/" not in before:
                rows.setdefault(name, []).append(after.split())
    return rows


def test_the_tables_tell_each_group_the_ratios_and_the_worst() -> None:
    out = io.StringIO()
    Console(file=out, width=160).print(tables(REPORT))
    told = out.getvalue()
    rows = rows_of(told)
    assert [each[0] for each in rows["product"]] == ["25.00", "2.200", "2.000", "13.55", "10.69"]
    assert [each[0] for each in rows["product / plain 288"]] == [
        *("1.250", "1.100", "0.500", "1.178", "1.140")
    ]
    assert rows["product"][0][-3:] == ["-", "-", "-"]
    assert rows["product"][1][-3:] == ["0.220", "0.500", "8.000"]
    for part in (
        *("photos", "close-up", "16:9", "average of the groups"),
        *("MAD e-3", "dtSSD e-2", "lag, frames", "colour, levels"),
        "plain 288: Network [A]",
        "above 1.2 times plain 288's: 1 of 4",
        "1.50  bob",
    ):
        assert part in told
