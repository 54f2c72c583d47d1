"""Whether the network's weights are there, and are undamaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from livematte.doctor.finding import Finding, command_line, note, ok, pip, problem


def check_shipped() -> Iterator[Finding]:
    from livematte.errors import WeightsError
    from livematte.network import weights

    path = weights.find(weights.SHIPPED)
    try:
        weights.read(path)
    except WeightsError as error:
        yield _damaged(error.problem, path)
    else:
        yield ok(f"{weights.SHIPPED}, {path}, checksum OK (SHA-256 {weights.SHIPPED_SHA256})")


def check_others() -> Iterator[Finding]:
    """The int8 form of the shipped weights, and weights that were pulled."""
    from livematte.errors import WeightsError
    from livematte.network import weights

    shipped = weights.find(weights.SHIPPED)
    quantized = weights.find_quantized(shipped)
    if quantized is None:
        text = f"{weights.quantized_path(shipped)} is missing; using fp32 instead."
        yield _damaged(text, shipped)
    else:
        try:
            weights.read_quantized(quantized)
        except WeightsError as error:
            yield _damaged(error.problem, quantized)
        else:
            sha256 = weights.SHIPPED_INT8_SHA256[".bin"]
            yield ok(f"{weights.SHIPPED} in int8, checksum OK (SHA-256 {sha256})")
    for name in weights.CHECKPOINT_SHA256:
        path, pull = weights.pulled_path(name), f"livematte weights pull {name}"
        if not path.exists():
            yield note(f"{name} is not downloaded; only --weights {name} needs it.", "", pull)
            continue
        try:
            weights.read(path)
        except WeightsError as error:
            yield problem(error.problem, "Download it again:", pull)
        else:
            yield ok(f"{name}, {path}, made from the official checkpoint")


def check_stored() -> Iterator[Finding]:
    """The compiled networks that earlier runs stored."""
    from livematte.render.openvino import cache as network_cache

    folder = network_cache.cache_folder()
    stored = sorted(network_cache.stored_files())
    damaged = [f"{path} {why}" for path, why in stored if why]
    for text in damaged:
        yield note(f"{text}.", "Nothing to do: livematte compiles it again when needed.")
    if not damaged:
        yield ok(f"{len(stored)} in {folder}, checksums OK" if stored else f"none yet in {folder}")
    if reason := network_cache.storing_problem():
        yield note(
            f"Compiled networks cannot be stored in {folder}: {reason}. "
            "Each start takes a little longer.",
            "Make that folder writable for you, and free space on its disk.",
        )


def _damaged(text: str, path: Path) -> Finding:
    checkout = path.parents[1]
    if (checkout / ".git").exists():
        restore = command_line("git", "-C", str(checkout), "checkout", "--", "weights")
        return problem(text, "Restore it:", restore)
    again = pip("install", "--force-reinstall", "--no-deps", ".")
    return problem(text, "Reinstall livematte from the folder that it was installed from:", again)
