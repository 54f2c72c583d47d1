from __future__ import annotations

from pathlib import Path

import pytest

from livematte.errors import UsageError
from livematte.photos.find import Photograph
from livematte.photos.names import Naming, plan
from livematte.photos.save import Save

PHOTOS = [Photograph(Path(each), each) for each in ("a", "trip/b", "x.jpg", "{stem}")]
ALPHA, CUTOUT = Save.ALPHA, Save.CUTOUT


def named(pattern: str, *kinds: Save, image_format: str = "png") -> list[str]:
    plans = plan(PHOTOS, kinds or (ALPHA,), image_format, Naming(pattern))
    return [name for each in plans for name in each.values()]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("{stem}", ["a.png", "trip/b.png", "x.jpg.png", "{stem}.png"]),
        (
            "{stem}_alpha",
            ["a_alpha.png", "trip/b_alpha.png", "x.jpg_alpha.png", "{stem}_alpha.png"],
        ),
        ("{stem}.png", ["a.png", "trip/b.png", "x.jpg.png", "{stem}.png"]),
        ("{number:03}", ["001.png", "trip/002.png", "003.png", "004.png"]),
        ("{save}/{number}", ["alpha/1.png", "trip/alpha/2.png", "alpha/3.png", "alpha/4.png"]),
        ("v1.2 {stem}", ["v1.2 a.png", "trip/v1.2 b.png", "v1.2 x.jpg.png", "v1.2 {stem}.png"]),
        ("{{{stem}}}", ["{a}.png", "trip/{b}.png", "{x.jpg}.png", "{{stem}}.png"]),
    ],
)
def test_patterns(pattern: str, expected: list[str]) -> None:
    assert named(pattern) == expected


def test_kinds_have_folders_unless_the_pattern_tells_them_apart() -> None:
    assert named("{stem}", ALPHA, CUTOUT, image_format="webp")[:4] == [
        *("alpha/a.png", "cutout/a.webp", "alpha/trip/b.png", "cutout/trip/b.webp"),
    ]
    assert named("{stem}-{save}", ALPHA, CUTOUT)[:2] == ["a-alpha.png", "a-cutout.png"]


@pytest.mark.parametrize(
    "pattern",
    [
        *("../{stem}", "/tmp/{stem}", "a/../../{stem}", "{stem}/..", "..", "", " ", "a//{stem}"),
        *("C:{stem}", "..\\{stem}", "{stem}\n", "{stem}\0", "a*", "./{stem}", "{stem}/"),
        *("{stem", "stem}", "{}", "{0}", "{ghost}", "{stem.__class__}", "{stem[0]}", "{stem!r}"),
        *("{stem:>9999999}", "{number:999999999}", "{number:04}{number:x}", "{save:3}"),
    ],
)
def test_what_is_no_pattern_or_leads_out_is_explained(pattern: str) -> None:
    with pytest.raises(UsageError) as caught:
        Naming(pattern)
    assert "{stem}" in caught.value.remedy or "{number:04}" in caught.value.remedy


@pytest.mark.parametrize("pattern", ["matte", "{save}"])
def test_two_results_of_one_name_are_refused(pattern: str) -> None:
    photos = [Photograph(Path("A.jpg"), "A"), Photograph(Path("b.jpg"), "b")]
    with pytest.raises(UsageError, match=r"A\.jpg and b\.jpg would both be called"):
        plan(photos, [ALPHA], "png", Naming(pattern))


def test_names_that_differ_in_case_alone_are_one_on_some_disks() -> None:
    photos = [Photograph(Path("1/a.jpg"), "a"), Photograph(Path("2/A.jpg"), "A")]
    with pytest.raises(UsageError, match="would both be called"):
        plan(photos, [ALPHA], "png", Naming())
