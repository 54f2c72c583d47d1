"""The names of the files made from one video in one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from livematte.errors import UsageError
from livematte.media.names import STANDARD_STREAM, is_folder
from livematte.video.save import Save

PLACE: Final = "{save}"
"""In the name of an output, this is replaced by what is saved."""

_ENDINGS: Final = (".mp4", ".mkv", ".mov", ".webm")
_ALPHA_ENDINGS: Final = (".mov", ".webm")


def name_outputs(source: Path, output: str, saves: Sequence[Save]) -> list[str]:
    """The output of each of `saves`, from one `output` for all.

    A single one is called `output`. Several have what they save in their names: in a folder, such
    as "results/", they are named after the source, talk_alpha.mp4; from a file's name they become
    clip_alpha.mp4; and in a pattern "{save}" is replaced. A cut-out is a .mov if the extension's
    format has no alpha.

    Raises `UsageError` if several would have the same name.
    """
    if PLACE in output:
        several = len(saves) > 1
        return [
            _with_alpha(output, save) if several else output.replace(PLACE, save.value)
            for save in saves
        ]
    if len(saves) == 1:
        return [output]
    if output == STANDARD_STREAM:
        raise UsageError(
            "The standard output can take one video, not several.",
            "Name a folder, or give one --save.",
        )
    path = Path(output)
    if path.suffix.lower() == ".png":
        raise UsageError(
            f"{output} cannot be several outputs.",
            f"Put {PLACE} into the name, such as {path.parent / (PLACE + '-%05d.png')}",
        )
    if output and (is_folder(output) or not path.suffix):
        ending = source.suffix.lower() if source.suffix.lower() in _ENDINGS else ".mp4"
        path = path / f"{source.stem or source.name}{ending}"
    name = str(path.with_name(f"{path.stem}_{PLACE}{path.suffix}")) if output else ""
    return [_with_alpha(name, save) for save in saves]


def _with_alpha(name: str, save: Save) -> str:
    name = name.replace(PLACE, save.value)
    ending = Path(name).suffix
    has_none = ending.lower() in _ENDINGS and ending.lower() not in _ALPHA_ENDINGS
    return f"{name.removesuffix(ending)}.mov" if save is Save.CUTOUT and has_none else name
