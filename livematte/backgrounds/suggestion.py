"""What to do about a text that is not a background."""

from __future__ import annotations

import os
import re
from pathlib import Path

from livematte.backgrounds.css_colour import colour_names
from livematte.media.names import at_home
from livematte.text.near import near, near_file


def suggestion(text: str) -> str:
    """What to do about a text that is not a background."""
    if re.fullmatch(r"[0-9a-fA-F]{3}", text):
        return f"Did you mean '#{text}'? Quote it: the shell takes # for a comment."
    if text.startswith("#"):
        return "Write a colour as # and six digits from 0 to f, such as '#1e90ff', in quotes."
    close = near_file(Path(at_home(text))) if Path(text).suffix or os.sep in text else None
    name = str(close) if close else near(text, ["blur", "transparent", *colour_names()])
    hint = f"Did you mean {name!r}? " if name else ""
    return hint + (
        "Give a colour (#1e90ff, navy), blur or blur:40, transparent, or a picture or video file."
    )
