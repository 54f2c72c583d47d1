"""Property tests: how many cases each tries, and that none hangs.

The ordinary run tries the same ones each time. New ones, twenty times as many, more than 100,000:

    python -m pytest tests/properties --long
"""

from __future__ import annotations

import faulthandler
import functools
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from hypothesis import HealthCheck, given, settings

from livematte.errors import LivematteError

SECONDS: Final = 60
"""A case that takes longer hangs; the run is ended then, and told where it was."""

TRIED: Final[Counter[str]] = Counter()
"""How many cases have run, by test."""

# pytest catches what is written to stderr, and would lose it when the run is ended.
_TERMINAL: Final = os.dup(2)


def cases(number: int, **strategies: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Try a test on so many cases of what `strategies` make, by the names of its parameters.

    number: in the ordinary profile; others try as many times more as their number of examples is
        more than its 100. What the test needs besides, fixtures of modules, it takes as usual.
    """

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def tried(*arguments: Any, **named: Any) -> None:
            TRIED[test.__name__] += 1
            with not_hanging():
                test(*arguments, **named)

        profile = settings.default
        assert profile is not None
        share = profile.max_examples / 100
        limited = settings(
            max_examples=max(1, round(number * share)),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        return limited(given(**strategies)(tried))

    return decorate


@contextmanager
def not_hanging(seconds: float = SECONDS) -> Iterator[None]:
    faulthandler.dump_traceback_later(seconds, exit=True, file=_TERMINAL)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


@contextmanager
def clear_error_or_none() -> Iterator[None]:
    """What comes is one of livematte's errors, in sentences, or nothing.

    Libraries may warn of what is damaged: nobody but a developer sees that.
    """
    problem = remedy = "."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except LivematteError as error:
        problem, remedy = error.problem, error.remedy
    assert problem.endswith("."), problem
    assert remedy.endswith("."), remedy
