"""What is wrong with the pictures of a live run, and since when."""

from __future__ import annotations

from livematte.errors import MatteError


class Health:
    """Updated by the main thread as pictures come or fail; seconds are by its clock.

    wrong: why the last picture was not sent, in a few words; "" if it was.
    failing_since_seconds: since when every frame has failed; None if the last one did not fail.
    doubting_since_seconds: since when every matte has been refused.
    last_failure: the last error of either kind.
    """

    def __init__(self) -> None:
        self.wrong = ""
        self.failing_since_seconds: float | None = None
        self.doubting_since_seconds: float | None = None
        self.last_failure: BaseException | None = None

    @property
    def is_failing(self) -> bool:
        return self.failing_since_seconds is not None

    @property
    def is_wrong(self) -> bool:
        """Whether the last pictures are known to be wrong, rather than late."""
        return bool(self.wrong) or self.is_failing

    def failed(self, error: BaseException, now_seconds: float) -> None:
        """A frame could not be rendered."""
        self.last_failure = error
        if self.failing_since_seconds is None:
            self.failing_since_seconds = now_seconds

    def doubted(self, error: MatteError, now_seconds: float) -> None:
        """A frame's matte was refused."""
        self.failing_since_seconds = None
        self.wrong = error.doubt
        if self.doubting_since_seconds is None:
            self.doubting_since_seconds = now_seconds
        self.last_failure = error

    def judged(self, problem: str) -> None:
        """A picture came; problem: why it must not be shown, "" if it can be."""
        self.failing_since_seconds = None
        self.wrong = problem
        if not problem:
            self.doubting_since_seconds = None

    def forget(self) -> None:
        """Reset for another renderer."""
        self.failing_since_seconds = self.doubting_since_seconds = None
        self.last_failure = None
