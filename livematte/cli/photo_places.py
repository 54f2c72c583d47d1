"""Where `livematte image` reads from and writes to: what `-o` and `-` mean."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from livematte.cli.options import RESULTS_FOLDER
from livematte.errors import SourceError, UsageError
from livematte.media.names import STANDARD_STREAM, require_writable_name
from livematte.photos import PHOTO_ENDINGS, FixedName, Naming, Results, Save, StreamResult
from livematte.photos.find import Photograph
from livematte.photos.results import Destination

MOST_INPUT_BYTES: Final = 4_000_000_000
"""Limit of the standard input; no photo format allows more."""

_FORMATS: Final = {
    ".png": "png",
    ".webp": "webp",
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jif", ".jfif"), "jpg"),
}
"""By file extension."""


class Place(NamedTuple):
    """Where results go, their names and their format."""

    results: Destination
    naming: Naming | FixedName
    image_format: str


def folder_of(output: str | None, zip_path: Path | None) -> Path | None:
    """The folder of the results, if they go to one."""
    if output is None:
        return Path(RESULTS_FOLDER) if zip_path is None else None
    return None if output == STANDARD_STREAM or _names_a_file(output) else Path(output)


def open_place(
    output: str | None,
    zip_path: Path | None,
    kinds: Sequence[Save],
    photos: int,
    *,
    image_format: str | None = None,
    pattern: str | None = None,
    overwrite: bool = False,
    skip_existing: bool = False,
    inputs: Sequence[Path] = (),
) -> Place:
    """Where results go.

    output: a folder; a file, recognized by its extension, for one result of one photo; or "-".
    photos: their number. image_format, pattern: None if not given.
    inputs: files that are read, and never replaced.

    Raises `UsageError` if the options contradict each other.
    """
    if overwrite and skip_existing:
        raise UsageError(
            "--overwrite replaces results and --skip-existing leaves them.", "Give one of them."
        )
    for name in (output, zip_path):
        if name is not None and name != STANDARD_STREAM:
            require_writable_name(name)
    if output is not None and (output == STANDARD_STREAM or _names_a_file(output)):
        _require_one(output, kinds, photos, zip_path, pattern)
        if output == STANDARD_STREAM:
            return Place(_standard_output(), Naming(), image_format or "png")
        path = Path(output)
        own_format = _format_of(path, kinds[0], image_format)
        results = Results(
            path.parent,
            None,
            overwrite,
            skip_existing=skip_existing,
            description=output,
            inputs=inputs,
        )
        return Place(results, FixedName(path.name), own_format)
    if output is not None and Path(output).suffix.lower() == ".zip":
        raise UsageError(f"--output {output} names a zip file.", f"Use --zip {output}.")
    folder = folder_of(output, zip_path)
    results = Results(folder, zip_path, overwrite, skip_existing=skip_existing, inputs=inputs)
    naming = Naming() if pattern is None else Naming(pattern)
    return Place(results, naming, image_format or "png")


def read_standard_input() -> Photograph:
    """A photo from the standard input. Raises `SourceError` if there is none."""
    stream = sys.stdin.buffer
    if stream.isatty():
        raise SourceError(
            "No photo comes from the standard input.",
            "Pipe one to it: livematte image - -o - < photo.jpg > matte.png",
        )
    content = stream.read(MOST_INPUT_BYTES + 1)
    if len(content) > MOST_INPUT_BYTES:
        raise SourceError(
            f"The standard input has more than {MOST_INPUT_BYTES // 10**9} GB.",
            "Name a file.",
        )
    return Photograph(Path("standard input"), "stdin", content)


def _names_a_file(output: str) -> bool:
    """Whether it has a picture's extension and is not a folder."""
    is_folder = output.endswith(("/", "\\")) or Path(output).is_dir()
    return not is_folder and Path(output).suffix.lower() in PHOTO_ENDINGS


def _require_one(
    output: str, kinds: Sequence[Save], photos: int, zip_path: Path | None, pattern: str | None
) -> None:
    what = "the standard output" if output == STANDARD_STREAM else output
    if photos > 1:
        raise UsageError(
            f"{what} takes the result of one photo, and there are {photos}.",
            "Name a folder: --output results",
        )
    if len(kinds) > 1:
        saves = ", ".join(each.value for each in kinds)
        raise UsageError(
            f"{what} takes one result, and --save asks for {saves}.",
            "Name a folder: --output results",
        )
    if zip_path is not None or pattern is not None:
        option = "--zip" if pattern is None else "--name"
        raise UsageError(
            f"{option} is for folders, and {what} is one result.",
            f"Leave out {option}, or name a folder.",
        )


def _format_of(path: Path, kind: Save, image_format: str | None) -> str:
    own_format = _FORMATS.get(path.suffix.lower())
    if own_format is None:
        raise UsageError(
            f"Results are not written as {path.suffix}: {path}.",
            "End it with .png, .webp or .jpg.",
        )
    if kind is Save.ALPHA and own_format != "png":
        raise UsageError(
            f"{path}: a matte is written as PNG.", f"Name it {path.with_suffix('.png').name}."
        )
    if kind is not Save.ALPHA and image_format not in (None, own_format):
        raise UsageError(
            f"{path} does not end like --format {image_format}.", "Leave out --format."
        )
    return own_format


def _standard_output() -> StreamResult:
    if sys.stdout.isatty():
        raise UsageError(
            "The standard output is a terminal, which shows no pictures.",
            "Send it to a file or a program: livematte image photo.jpg -o - > matte.png",
        )
    sys.stdout.flush()
    return StreamResult(sys.stdout.buffer, "the standard output")
