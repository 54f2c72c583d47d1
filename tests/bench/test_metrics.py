from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from livematte.bench import metrics

Matte = NDArray[np.float32]


def matte(*rows: tuple[float, ...]) -> Matte:
    return np.array(rows, np.float32)


def on_canvas(block: Matte, top: int, left: int) -> Matte:
    canvas = np.zeros((40, 50), np.float32)
    canvas[top : top + block.shape[0], left : left + block.shape[1]] = block
    return canvas


def test_differences_are_meant_or_added_up_over_the_picture() -> None:
    alpha, truth = matte((0, 0.5), (1, 1)), matte((0, 1), (0.75, 1))
    assert metrics.mean_absolute_error(alpha, truth) == pytest.approx((0.5 + 0.25) / 4)
    assert metrics.mean_squared_error(alpha, truth) == pytest.approx((0.25 + 0.0625) / 4)
    assert metrics.sum_of_absolute_differences(alpha, truth) == pytest.approx(0.75e-3)


def test_eight_bits_become_0_to_1() -> None:
    made = metrics.from_uint8(np.array([[0, 51, 255]], np.uint8))
    assert made.dtype == np.float32
    assert made.tolist() == [[0, pytest.approx(0.2), 1]]


def test_the_gradient_is_the_evaluation_code_s() -> None:
    """`gaussgradient` of Guanglei Xiong, 9x9 for a sigma of 1.4, written out."""
    sigma, place = 1.4, np.arange(-4, 5)
    gauss = np.exp(-(place**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    slope = -place * gauss / sigma**2
    across = np.outer(gauss, slope)
    across /= math.sqrt(np.square(across).sum())
    expected = np.zeros((21, 21))
    expected[6:15, 6:15] = np.sqrt(across**2 + across.T**2)

    impulse = np.zeros((21, 21), np.float32)
    impulse[10, 10] = 1
    np.testing.assert_allclose(metrics.gradient_magnitude(impulse), expected, atol=1e-6)


def test_the_gradient_of_an_even_matte_is_0_to_its_border() -> None:
    even = np.full((20, 30), 0.7, np.float32)
    assert metrics.gradient_magnitude(even).max() < 1e-6


def test_the_gradient_error_adds_up_squares() -> None:
    assert metrics.gradient_error(matte((1, 3)), matte((2, 1))) == pytest.approx(5e-3)


BLOCK = np.ones((10, 10), np.float32)


@pytest.mark.parametrize(("top", "left"), [(0, 0), (7, 13), (30, 40)])
def test_a_speck_counts_as_lost_and_what_both_have_does_not(top: int, left: int) -> None:
    truth = on_canvas(BLOCK, top, left)
    truth[20:22, 30:32] = 1
    assert metrics.connectivity_error(truth, truth) == 0
    alpha = truth.copy()
    alpha[24:26, 2:4] = 0.5
    assert metrics.connectivity_error(alpha, truth) == pytest.approx(4 * 0.5e-3)


@pytest.mark.parametrize(("less", "lost"), [(0.0, 0.0), (0.1, 0.0), (0.2, 0.2), (0.5, 0.5)])
def test_losses_below_theta_are_none(less: float, lost: float) -> None:
    truth = on_canvas(BLOCK, 3, 3)
    assert metrics.connectivity_error(truth * np.float32(1 - less), truth) == pytest.approx(
        100 * lost / 1000, abs=1e-6
    )


def test_corners_do_not_connect() -> None:
    truth = on_canvas(BLOCK, 3, 3)
    by_corner, by_side = truth.copy(), truth.copy()
    by_corner[13, 13] = by_side[13, 12] = 1
    # Both have what is connected in both; the speck at the corner is not.
    assert metrics.connectivity_error(by_side, truth) == pytest.approx(1e-3)
    both = by_corner.copy()
    both[13, 13] = 0.9
    assert metrics.connectivity_error(by_corner, both) == pytest.approx(0.1e-3)
    beside = by_side.copy()
    beside[13, 12] = 0.9
    assert metrics.connectivity_error(by_side, beside) == 0


def test_what_is_cut_off_stays_so_at_higher_thresholds() -> None:
    truth = np.ones((5, 21), np.float32)
    alpha = truth.copy()
    alpha[:, :8], alpha[:, 8], alpha[:, 9:] = 0.9, 0.3, 0.6
    # Above 0.3 the left is cut off, as the smaller part; above 0.6 it is all there is, too late.
    left = 5 * 8 * ((1 - 0.3) - (0.9 - 0.3))
    bridge = 5 * (1 - 0.3)
    right = 5 * 12 * (1 - 0.6)
    expected = (left + bridge + right) / 1000
    assert metrics.connectivity_error(alpha, truth) == pytest.approx(expected)


def test_nothing_at_all_is_connected_rightly() -> None:
    empty = np.zeros((4, 4), np.float32)
    assert metrics.connectivity_error(empty, empty) == 0


def test_the_error_of_change_sees_flicker_only() -> None:
    truth_before, truth = matte((0, 0.5)), matte((0, 1))
    stays_wrong = metrics.change_error(truth - 0.25, truth_before - 0.25, truth, truth_before)
    assert stays_wrong == pytest.approx(0)
    # Changes of 0.5 and 0 in place of 0 and 0.5.
    assert metrics.change_error(
        matte((0.5, 0.5)), truth_before, truth, truth_before
    ) == pytest.approx(0.5)
    assert metrics.change_error(
        matte((0, 0.9)), truth_before, truth, truth_before
    ) == pytest.approx(0.1 / math.sqrt(2))


def moving_edge(place: float) -> Matte:
    columns = np.clip(np.arange(80) - place, 0, 6) / 6
    return np.tile(columns, (4, 1)).astype(np.float32)


def lag_of(mattes: list[Matte], truths: list[Matte]) -> float:
    total = np.zeros(metrics.LAGS)
    for time in range(metrics.LAG_FRAMES - 1, len(truths)):
        motion = metrics.true_motion(truths[time - metrics.LAG_FRAMES + 1 : time + 1][::-1])
        assert motion.moving.any()
        total += metrics.lag_errors(mattes[time], mattes[time - metrics.LAG_SPAN], motion)
    return metrics.lag_frames(total.tolist())


@pytest.mark.parametrize("step", [0.5, 1.5, 4.0])
@pytest.mark.parametrize("late", [0, 1, 2, 3])
def test_an_edge_that_comes_late_has_a_lag(late: int, step: float) -> None:
    truths = [moving_edge(step * time) for time in range(-late, 16)]
    mattes = truths[: len(truths) - late]
    assert lag_of(mattes, truths[late:]) == pytest.approx(late, abs=0.15)


def test_an_edge_between_two_frames_has_a_lag_between() -> None:
    truths = [moving_edge(2 * time) for time in range(16)]
    mattes = [moving_edge(2 * (time - 1.5)) for time in range(16)]
    assert lag_of(mattes, truths) == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize("off", [-3.0, 3.0])
def test_a_matte_that_is_always_too_wide_or_narrow_is_not_late(off: float) -> None:
    places = [30 + 8 * np.sin(time / 25 * 2 * np.pi) for time in range(9 + 50)]  # to and fro
    truths = [moving_edge(place) for place in places]
    mattes = [moving_edge(place + off) for place in places]
    assert lag_of(mattes, truths) < 0.1


def test_the_mean_over_the_last_three_is_one_frame_late() -> None:
    truths = [moving_edge(30 + 8 * np.sin(time / 4)) for time in range(50)]
    mattes = [np.mean(truths[max(0, time - 2) : time + 1], axis=0) for time in range(50)]
    assert lag_of(mattes, truths) == pytest.approx(1, abs=0.2)


def test_only_moving_pixels_count_for_the_lag() -> None:
    still = moving_edge(20)
    motion = metrics.true_motion([still] * metrics.LAG_FRAMES)
    assert motion.changes.shape == (metrics.LAGS, 0)
    assert metrics.lag_errors(still, still, motion).tolist() == [0] * metrics.LAGS
    truths = [moving_edge(20 + 3 * back) for back in range(metrics.LAG_FRAMES)]
    motion = metrics.true_motion(truths)
    alpha, alpha_before = truths[1].copy(), truths[1 + metrics.LAG_SPAN]
    alpha[:, 70:] = 0.5  # wrong, but where nothing moves
    errors = metrics.lag_errors(alpha, alpha_before, motion)
    assert errors[1] == 0
    assert errors[0] == pytest.approx(
        np.square(truths[1] - truths[7] - (truths[0] - truths[6])).sum(), rel=1e-4
    )
    by_lag = [np.abs(truths[lag] - truths[lag + 6]) > 0.1 for lag in range(4)]
    np.testing.assert_array_equal(motion.moving, by_lag[0] | by_lag[1] | by_lag[2] | by_lag[3])


@pytest.mark.parametrize(
    ("errors", "lag"),
    [
        ((0, 1, 4, 9), 0),
        ((1, 0, 1, 4), 1),
        ((9, 4, 1, 0), 3),
        ((0.25, 0.25, 2.25, 6.25), 0.5),
        ((0, 3, 4, 4), 0),
        ((1, 1.4, 2, 3), 0),
    ],
)
def test_a_parabola_goes_through_the_least(errors: tuple[float, ...], lag: float) -> None:
    assert metrics.lag_frames(errors) == pytest.approx(lag)


def test_soft_is_neither_one_nor_the_other() -> None:
    assert metrics.soft_pixels(matte((0, 0.04, 0.06, 0.5, 0.94, 0.96, 1))).tolist() == [
        [False, False, True, True, True, False, False]
    ]


def test_colours_are_compared_in_levels() -> None:
    colours = np.array([[10, 20, 30], [0, 0, 0]], np.uint8)
    true_colours = np.array([[12.5, 20, 30], [0, 0, 3.5]], np.float32)
    assert metrics.colour_error(colours, true_colours) == pytest.approx(1)
    assert metrics.colour_error(colours[:0], true_colours[:0]) is None
