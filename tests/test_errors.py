"""Errors go from one process to another, as those of data pipelines do."""

from __future__ import annotations

import pickle

import pytest

from livematte import errors
from livematte.media.photo.read import UnknownKindError

ERRORS = [
    errors.LivematteError("What happened.", "What to do."),
    errors.SourceError("What happened.", "What to do."),
    errors.MatteError("Soft all over", 3, 0.1),
    errors.NoReaderError(),
    errors.SharedError("What happened.", "What to do."),
    UnknownKindError("What happened.", "What to do.", "a video"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_after_it_was_pickled(error: errors.LivematteError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
