"""Compiled networks in the cache: whatever becomes of a file, mattes are as before, and it is said.

The ordinary run tries each damage once or twice; `--long` five hundred, new ones each time.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray

from livematte.frame import Size
from livematte.network import weights
from livematte.render.openvino import cache as network_cache
from livematte.render.openvino.network import OpenVinoModel, OpenVinoNetwork
from livematte.render.probe import probe_pixels

SIZE: Final = Size(224, 224)
ANOTHER: Final = Size(256, 224)

Damage = Callable[[Path, random.Random], None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(network_cache, "cache_folder", lambda: tmp_path / "networks")
    return tmp_path / "networks"


class Started:
    """One start of livematte, as far as compiling goes."""

    def __init__(self, size: Size = SIZE, threads: int | None = None) -> None:
        self.said: list[str] = []
        self.compiled = 0
        model = model_of(threads)
        model._on_change = self.said.append
        compile_model = model._core.compile_model

        def count(*arguments: object) -> object:
            self.compiled += 1
            return compile_model(*arguments)

        model._core.compile_model = count
        try:
            self.matte = matte(model.compile(size))
        finally:
            model._core.compile_model = compile_model


@cache
def model_of(threads: int | None) -> OpenVinoModel:
    return OpenVinoModel("CPU", weights.find("photographic"), "int8", threads)


def matte(network: OpenVinoNetwork) -> NDArray[np.float32]:
    request = network.requests[0]
    pixels = probe_pixels(network.matte_size)[0].transpose(1, 2, 0)[..., ::-1]
    request.pixels[:] = np.rint((pixels + 1) * 127.5)
    request.run()
    return request.matte.copy()


def one_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def overwrite(make: Callable[[random.Random, int], bytes]) -> Damage:
    """64 KiB, or fewer, somewhere."""

    def damage(path: Path, chance: random.Random) -> None:
        content = bytearray(path.read_bytes())
        length = chance.choice([1, 16, 4096, 65536])
        start = chance.randrange(len(content) - length)
        content[start : start + length] = make(chance, length)
        path.write_bytes(content)

    return damage


def edit(change: Callable[[bytes, random.Random], bytes]) -> Damage:
    return lambda path, chance: void(path.write_bytes(change(path.read_bytes(), chance)))


def void(_value: object) -> None:
    """Makes a statement of an expression."""


def flip_bits(content: bytes, chance: random.Random) -> bytes:
    """In the digest, where the blob begins, or anywhere."""
    flipped = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        end = chance.choice([32, 256, len(content)])
        flipped[chance.randrange(end)] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def swap_halves(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(1, len(content))
    return content[start:] + content[:start]


def take_the_place_of_another(path: Path, chance: random.Random) -> None:
    Started(chance.choice([ANOTHER, Size(224, 256)]))
    other = next(each for each in path.parent.iterdir() if each != path)
    other.replace(path)


def take_anothers_digest(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    take_the_place_of_another(path, chance)
    path.write_bytes(path.read_bytes()[:32] + content[32:])


def become_a_folder(path: Path, _: random.Random) -> None:
    path.unlink()
    path.mkdir()


def become_a_broken_link(path: Path, _: random.Random) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def become_a_pipe(path: Path, _: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def become_endless(path: Path, _: random.Random) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def become_huge(path: Path, _: random.Random) -> None:
    os.truncate(path, 1 << 40)


def be_unreadable(path: Path, _: random.Random) -> None:
    path.chmod(0)


DAMAGES: dict[str, Damage] = {
    "zeros": overwrite(lambda _, length: bytes(length)),
    "noise": overwrite(lambda chance, length: chance.randbytes(length)),
    "cut": edit(lambda content, chance: content[: chance.randrange(1, len(content))]),
    "cut in the digest": edit(lambda content, chance: content[: chance.randrange(1, 33)]),
    "longer": edit(lambda content, chance: content + chance.randbytes(chance.randint(1, 9999))),
    "empty": edit(lambda _, __: b""),
    "all zeros": edit(lambda content, _: bytes(len(content))),
    "bits": edit(flip_bits),
    "halves": edit(swap_halves),
    "swapped": take_the_place_of_another,
    "digest swapped": take_anothers_digest,
    "folder": become_a_folder,
    "huge": become_huge,
}
if sys.platform != "win32":
    DAMAGES |= {"link": become_a_broken_link, "pipe": become_a_pipe, "endless": become_endless}
    if os.geteuid() != 0:
        DAMAGES["unreadable"] = be_unreadable

TRIES: Final = {"ordinary": 17, "long": 500}


def test_whatever_becomes_of_a_file_mattes_are_as_before(
    folder: Path, request: pytest.FixtureRequest
) -> None:
    is_long = request.config.getoption("--long")
    seed = random.SystemRandom().randrange(1 << 32) if is_long else 0
    chance = random.Random(seed)
    first = Started()
    path = one_file(folder)
    names = list(DAMAGES)
    for index in range(TRIES["long" if is_long else "ordinary"]):
        name = names[index % len(names)]
        whole = path.read_bytes()
        DAMAGES[name](path, chance)
        size_bytes = path.stat().st_size if path.is_file() else 0
        # Zeros on zeros, say.
        is_harmless = size_bytes == len(whole) and path.read_bytes() == whole
        again = Started()
        told = f"{name}, try {index} of seed {seed}"
        np.testing.assert_array_equal(again.matte, first.matte, told)
        if not is_harmless:
            assert again.compiled == 1, told
            assert len(again.said) == 1, told
            assert str(path) in again.said[0], told
            assert again.said[0].endswith("; compiling it again."), told
        for each in folder.iterdir():
            if each != path:
                each.unlink()
    last = Started()
    assert (last.compiled, last.said) == (0, [])


@pytest.mark.usefixtures("folder")
def test_what_was_stored_is_used_and_gives_the_same_mattes() -> None:
    first, again = Started(), Started()
    assert (first.compiled, again.compiled) == (1, 0)
    assert first.said == again.said == []
    np.testing.assert_array_equal(first.matte, again.matte)


def test_fp32_is_not_stored_since_compiling_it_is_as_fast(folder: Path) -> None:
    OpenVinoModel("CPU", weights.find("photographic"), "fp32", None).compile(SIZE)
    assert not folder.exists()


def test_another_processor_openvino_or_setting_has_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home folder that two computers share."""
    Started()
    Started(threads=1)
    with monkeypatch.context() as patch:
        patch.setattr("livematte.render.openvino.network.features", lambda: frozenset({"avx2"}))
        assert Started().compiled == 1
    with monkeypatch.context() as patch:
        patch.setattr("openvino.__version__", "2027.0")
        assert Started().compiled == 1
    assert len(list(folder.iterdir())) == 4
    assert Started().compiled == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no symbolic links without a right to them")
@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("nowhere/at/all")])
def test_a_cache_that_cannot_be_used_is_done_without(
    folder: Path, make: Callable[[Path], None]
) -> None:
    make(folder)
    started = Started()
    assert (started.compiled, started.said) == (1, [])


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_full_disk_is_done_without_and_leaves_nothing(folder: Path) -> None:
    script = """
import resource, sys
from pathlib import Path
from livematte.render.openvino import cache as network_cache
network_cache.cache_folder = lambda: Path(sys.argv[1])
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
network_cache.store("abc", bytes(100_000))
"""
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True)
    assert list(folder.iterdir()) == []


def test_two_programs_may_store_at_once_while_others_read(folder: Path) -> None:
    key, networks = "abc", [bytes([each]) * 300_000 for each in range(4)]
    network_cache.store(key, networks[0])
    end = time.monotonic() + 1.0

    def write(network: bytes) -> None:
        while time.monotonic() < end:
            network_cache.store(key, network)

    threads = [threading.Thread(target=write, args=(each,)) for each in networks]
    for each in threads:
        each.start()
    while time.monotonic() < end:
        assert network_cache.load(key) in networks
    for each in threads:
        each.join()
    assert one_file(folder) == network_cache.cached_path(key)


def test_a_program_that_is_ended_in_the_middle_leaves_no_half_file(folder: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from livematte.render.openvino import cache as network_cache
network_cache.cache_folder = lambda: Path(sys.argv[1])
os.replace = lambda *_: os._exit(0)
network_cache.store("abc", bytes(100_000))
"""
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True)
    assert network_cache.load("abc") is None
    unfinished = one_file(folder)
    network_cache.store("abc", b"network")
    assert unfinished.exists(), "another program may be writing it"
    os.utime(unfinished, (0, 0))
    network_cache.store("abc", b"network")
    assert one_file(folder) == network_cache.cached_path("abc")


def test_the_folder_does_not_grow_without_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_cache, "MOST_BYTES", 3500)
    folder.mkdir()
    (folder / "123.blob").write_bytes(b"of an older version")
    for index in range(4):
        network_cache.store(f"{index}", bytes(1000))
        os.utime(network_cache.cached_path(f"{index}"), (index, index))
        if index == 1:
            network_cache.load("0")  # used
    network_cache.store("4", bytes(1000))
    assert sorted(each.name for each in folder.iterdir()) == ["0.network", "3.network", "4.network"]
