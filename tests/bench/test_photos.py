from __future__ import annotations

import json

import pytest

from livematte.bench import photos
from tests.test_cli import livematte


def test_photos_cannot_be_faster_than_their_network_by_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(photos, "PHOTOS_A_CORE", 2)
    told: list[str] = []
    rates = photos.bench_photos(224, precision="auto", rounds=1, on_progress=told.append)
    assert 0 < rates.share < 1.5
    assert rates.photos_per_second == pytest.approx(rates.share * rates.network_per_second)
    assert "OpenVINO" in rates.description
    assert len(told) == 1


def test_the_command_prints_json() -> None:
    code, out, err = livematte(
        "bench", "--photos", "--rounds", "1", "--matte-size", "224", "--precision", "auto", "--json"
    )
    assert code == 0, err
    (measured,) = json.loads(out)
    assert measured["photos_per_second"] > 0
    assert measured["share_of_network"] > 0
