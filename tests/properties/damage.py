"""What becomes of files on bad disks, in bad downloads and by bad will."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

Damage = Callable[[bytes], bytes]


class Files(dict[str, bytes]):
    """Whole files by their kind, which are too long for a report of what failed."""

    def __repr__(self) -> str:
        return f"<{', '.join(self)}>"


def cut_off(share: float) -> Damage:
    return lambda data: data[: int(len(data) * share)]


def flip_bits(places: list[tuple[float, int]]) -> Damage:
    """places: each as a part of the length, and which bit there."""

    def damage(data: bytes) -> bytes:
        damaged = bytearray(data)
        for place, bit in places:
            damaged[int(place * len(data))] ^= 1 << bit
        return bytes(damaged)

    return damage


def overwrite(place: float, with_bytes: bytes) -> Damage:
    def damage(data: bytes) -> bytes:
        start = int(place * len(data))
        return data[:start] + with_bytes + data[start + len(with_bytes) :]

    return damage


def repeat(place: float, length: float) -> Damage:
    """A part of the file is there twice, which moves all that comes after."""

    def damage(data: bytes) -> bytes:
        start = int(place * len(data))
        stop = start + int(length * (len(data) - start))
        return data[:stop] + data[start:]

    return damage


def _described(name: str, make: Callable[..., Damage], *arguments: object) -> Damage:
    damage = make(*arguments)
    damage.__qualname__ = damage.__name__ = f"{name}{arguments}"
    return damage


def places(most: float = 1.0) -> st.SearchStrategy[float]:
    return st.floats(0, most, exclude_max=True)


def damages() -> st.SearchStrategy[Damage]:
    """One damage: half of them near the beginning, where headers are."""
    place = places(0.05) | places()
    bits = st.lists(st.tuples(place, st.integers(0, 7)), min_size=1, max_size=20)
    extremes = st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0"])
    bytes_written = st.binary(min_size=1, max_size=64) | extremes
    return st.one_of(
        place.map(lambda share: _described("cut_off", cut_off, share)),
        bits.map(lambda flipped: _described("flip_bits", flip_bits, flipped)),
        st.builds(lambda *all_: _described("overwrite", overwrite, *all_), place, bytes_written),
        st.builds(lambda *all_: _described("repeat", repeat, *all_), place, places()),
    )
