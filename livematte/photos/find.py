"""Finds the photos named on the command line, and names their results."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from livematte.media.endings import PHOTO_ENDINGS
from livematte.media.identity import Identity, identity
from livematte.media.mark import is_result
from livematte.media.names import address_of, at_home
from livematte.media.photo.kinds import RAW_ENDINGS, begins_like_a_photo
from livematte.media.regular_file import open_regular


class Photograph(NamedTuple):
    """A photo to matte.

    path: the file.
    name: of its results, without an extension; relative, "holiday/IMG_1" for one in a subfolder.
    content: of the file, if it is not read from `path`, which then says where it comes from.
    """

    path: Path
    name: str
    content: bytes | None = None


class Failure(NamedTuple):
    """A photo without a result, and why, in a sentence."""

    path: Path
    reason: str


class Found(NamedTuple):
    """What was found.

    renamed: photos whose results are not named after their stem alone, because others share it.
    raw: raw photos in folders that also have the same photo as a file that can be read.
    same: names of photos that are matted under another name, with that name: links, and other
        spellings.
    results: files that livematte made before.
    """

    photos: list[Photograph]
    failures: list[Failure]
    renamed: list[Photograph]
    raw: list[Path]
    same: list[tuple[Path, Path]]
    results: list[Path]


def find_photos(
    names: Iterable[str], recursive: bool = False, leave_out: Path | None = None
) -> Found:
    """The photos of files, folders and globs, each once, in order.

    recursive: include subfolders; the names of results then have their folders.
    leave_out: the folder of the results, which is not searched on the way.
    """
    left_out = None if leave_out is None else os.path.realpath(leave_out)
    files: dict[Path, Path] = {}  # each with its place below what was named
    failures: list[Failure] = []
    raw: list[Path] = []
    for name in names:
        path = Path(at_home(name))
        # A file may have a name that looks like a pattern.
        # Not Path.exists, which raises where a name is too long.
        matches = [path] if os.path.lexists(path) else _glob(str(path), recursive)
        if not matches:
            failures.append(Failure(path, _missing(name)))
        for match in matches:
            if os.path.isdir(match):
                _look_into(match, recursive, left_out, files, failures, raw)
            else:
                files.setdefault(match, Path(match.name))
    same = _take_out_same(files)
    results = [path for path in files if is_result(path)]
    for path in results:
        del files[path]
    if results and not files:
        failures += [Failure(each, "It is a result of livematte, not a photo.") for each in results]
        results = []
    photos, renamed = _named(files)
    return Found(photos, failures, renamed, raw, same, results)


def _missing(name: str) -> str:
    if not address_of(name):
        return "There is no such file."
    is_local = name[:5].lower() == "file:"
    remedy = "Leave out the file:// before it." if is_local else "Save the photo first."
    return f"It is an address, and photos are read from files. {remedy}"


def _take_out_same(files: dict[Path, Path]) -> list[tuple[Path, Path]]:
    """Keep one name of each file, the file's own rather than a link's; returns the others."""
    names: dict[Identity, Path] = {}
    same: list[tuple[Path, Path]] = []
    for path in sorted(files, key=os.path.islink):
        found = identity(path)
        if found is None:
            continue
        kept = names.setdefault(found, path)
        if kept is not path:
            del files[path]
            if os.path.abspath(kept) != os.path.abspath(path):
                same.append((path, kept))
    return same


def _glob(pattern: str, recursive: bool) -> list[Path]:
    return [Path(each) for each in sorted(glob.glob(pattern, recursive=recursive))]


def _look_into(
    folder: Path,
    recursive: bool,
    left_out: str | None,
    files: dict[Path, Path],
    failures: list[Failure],
    raw: list[Path],
) -> None:
    failed_before, raw_before = len(failures), len(raw)
    looking = _Looking(recursive, left_out, failures, raw)
    try:
        found = sorted(looking.into(folder))
        while looking.links:  # last, so that files keep their own names if they can
            found += sorted(looking.into(looking.links.pop(0), is_named=False))
    except OSError as error:
        failures.append(_unreadable(folder, error))
        return
    if not found and len(failures) == failed_before and len(raw) == raw_before:
        failures.append(Failure(folder, "There is no photo in this folder."))
    for path in found:
        files.setdefault(path, path.relative_to(folder))


def _unreadable(folder: Path, error: OSError) -> Failure:
    return Failure(folder, f"The folder cannot be read: {error.strerror}.")


class _Looking:
    """Searches a folder and its subfolders, each once, even if links go in circles.

    links: links to folders that are not followed yet.
    """

    def __init__(
        self,
        recursive: bool,
        left_out: str | None,
        failures: list[Failure],
        raw: list[Path],
    ) -> None:
        self.links: list[Path] = []
        self._recursive = recursive
        self._left_out = left_out
        self._failures = failures
        self._raw = raw
        self._seen: set[Identity | None] = set()

    def into(self, folder: Path, *, is_named: bool = True) -> Iterator[Path]:
        """The photos in a folder. Raises `OSError` if it `is_named` and cannot be read."""
        found = identity(folder)
        if found in self._seen:
            return
        self._seen.add(found)
        try:
            yield from self._into(folder)
        except OSError as error:
            if is_named:
                raise
            self._failures.append(_unreadable(folder, error))  # the other folders go on

    def _into(self, folder: Path) -> Iterator[Path]:
        photos: list[Path] = []
        raws: list[Path] = []
        for path in folder.iterdir():
            if os.path.isdir(path):  # not Path.is_dir, which raises where nobody may look
                yield from self._inside(path)
            elif path.name.startswith("."):
                continue
            elif path.suffix.lower() in RAW_ENDINGS:
                raws.append(path)
            elif path.suffix.lower() in PHOTO_ENDINGS or _begins_like_a_photo(path):
                photos.append(path)
        developed = {_fold(each.stem) for each in photos}
        for each in raws:
            # Cameras write both; then the developed one is meant.
            (self._raw if _fold(each.stem) in developed else photos).append(each)
        yield from photos

    def _inside(self, path: Path) -> Iterator[Path]:
        if os.path.realpath(path) == self._left_out:
            return
        inside: list[Path] = []
        if self._recursive and path.is_symlink():
            self.links.append(path)
            return
        if self._recursive:
            failed_before = len(self._failures)
            inside = list(self.into(path, is_named=False))
            if len(self._failures) > failed_before:
                yield from inside
                return
        yield from inside
        if _is_named_like_a_photo(path) and not inside:
            self._failures.append(Failure(path, "It is a folder, not a photo."))


def _is_named_like_a_photo(path: Path) -> bool:
    return path.suffix.lower() in PHOTO_ENDINGS and not path.name.startswith(".")


def _begins_like_a_photo(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            return begins_like_a_photo(file.read(16))
    except OSError:
        return False


def _named(files: dict[Path, Path]) -> tuple[list[Photograph], list[Photograph]]:
    """Photos under their stems; photos that share a stem, under their full file names.

    Names that differ only in case count as one, as on Windows and macOS.
    """
    wanted = Counter(_fold(place.with_suffix("")) for place in files.values())
    photos: list[Photograph] = []
    renamed: list[Photograph] = []
    # A photo with a stem of its own keeps it, whatever the full names of others are.
    taken = {name for name, count in wanted.items() if count == 1}
    for path, place in files.items():
        stem = place.with_suffix("")
        if wanted[_fold(stem)] == 1:
            photos.append(Photograph(path, stem.as_posix()))
            continue
        name, number = place.as_posix(), 1
        while _fold(name) in taken:
            number += 1
            name = f"{place.as_posix()} ({number})"
        taken.add(_fold(name))
        photos.append(Photograph(path, name))
        renamed.append(photos[-1])
    return photos, renamed


def _fold(name: str | Path) -> str:
    return Path(name).as_posix().casefold()
