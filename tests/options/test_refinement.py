from __future__ import annotations

import pytest

from livematte.errors import UsageError
from livematte.options.refinement import (
    DEFAULT,
    MARGINS,
    PARTS,
    PLAIN,
    QUALITIES,
    Refinement,
    choose_refinement,
)


def test_balanced_is_what_there_is_without_a_wish() -> None:
    assert choose_refinement("balanced") == QUALITIES["balanced"] == DEFAULT == Refinement()


def test_qualities_cost_more_and_more() -> None:
    fast, balanced, best = (choose_refinement(each) for each in ("fast", "balanced", "best"))
    assert (fast.steady, fast.islands, fast.edges, fast.colours) == (True, True, False, False)
    assert all(getattr(balanced, part) for part in PARTS)
    assert all(getattr(best, part) for part in PARTS)
    assert [each.both_views for each in (fast, balanced, best)] == [False, False, True]


@pytest.mark.parametrize("part", PARTS)
def test_each_part_can_be_left_out_alone(part: str) -> None:
    chosen = choose_refinement("best", [part])
    assert [each for each in PARTS if not getattr(chosen, each)] == [part]
    assert chosen.both_views


def test_without_all_parts_it_is_the_networks_matte() -> None:
    # An iterator, since what is read twice may be read once only.
    assert choose_refinement("balanced", iter(PARTS)) == PLAIN
    assert not any(getattr(PLAIN, part) for part in PARTS)
    assert (PLAIN.both_views, PLAIN.margin, PLAIN.light_wrap) == (False, 0, 0.0)


@pytest.mark.parametrize("margin", [-10, -1, 0, 10])
def test_the_edge_goes_where_it_was_told(margin: int) -> None:
    assert choose_refinement("fast", margin=margin).margin == margin
    assert margin in MARGINS


@pytest.mark.parametrize("light_wrap", [0, 0.3, 1])
def test_the_light_is_as_strong_as_it_was_told(light_wrap: float) -> None:
    assert choose_refinement("fast", light_wrap=light_wrap).light_wrap == light_wrap


def test_a_quality_that_there_is_not() -> None:
    with pytest.raises(UsageError, match=r"Quality 'bset' is not known.*fast, balanced, best"):
        choose_refinement("bset")


def test_a_part_that_there_is_not() -> None:
    with pytest.raises(UsageError, match=r"no part 'hair'.*steady, islands, edges, colours"):
        choose_refinement("fast", ["edges", "hair"])


@pytest.mark.parametrize("margin", [-11, 11, 100])
def test_an_edge_that_would_be_too_far_away(margin: int) -> None:
    with pytest.raises(UsageError, match=rf"Edge {margin} is not from -10 to 10"):
        choose_refinement("fast", margin=margin)


@pytest.mark.parametrize("light_wrap", [-0.1, 1.01, float("nan")])
def test_light_that_is_too_strong_or_none_at_all(light_wrap: float) -> None:
    with pytest.raises(UsageError, match=r"Light wrap .* is not from 0 to 1"):
        choose_refinement("fast", light_wrap=light_wrap)
