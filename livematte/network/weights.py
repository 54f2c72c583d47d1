"""Weights: find the file, verify it, read it, and fold its BatchNorm. Uses NumPy, not PyTorch.

A weight file is a safetensors file with the tensors of `network.layout.SHAPES` in float32, the
encoder's BatchNorm already folded. `network.convert` makes one from the authors' files, and
`network.download` fetches those that do not come with livematte. Reading runs no code from the
file: safetensors holds only a JSON header and numbers.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from xml.etree import ElementTree

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray
from platformdirs import user_cache_path
from safetensors import SafetensorError

from livematte.errors import WeightsError
from livematte.network import layout

Weight = NDArray[np.float32]
State = dict[str, Weight]

SHIPPED: Final = "photographic"
"""The name of the weights that come with livematte."""

SHIPPED_SHA256: Final = "4cf03e4ac6f09a377ae61801b0118e0c7966e62e73d163f38ba305d76f444acd"

SHIPPED_INT8_SHA256: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".xml": "78a19e581321de76245169ed055578daf9f979610c8950fb8a077b9e3ee7fa60",
        ".bin": "3e958214ea50d9241963d158b37b8503ef9b8099cebba61ae47e9620d2eeb0dd",
    }
)
"""The two files of their int8 form."""

CHECKPOINT_SHA256: Final[Mapping[str, str]] = MappingProxyType(
    {"webcam": "913b82b66558db39b6286c150f809017d7528c872b156eb14333c9c6cb52108b"}
)
"""The weights that `livematte weights pull` knows, each with the SHA-256 of its official file."""

CONVERTIBLE_SUFFIXES: Final = frozenset({".onnx", ".ckpt", ".pt", ".pth"})

_METADATA_KEY: Final = "livematte"

QUANTIZED_ORIGIN: Final = _METADATA_KEY
"""The section of a quantised network's .xml that records what it was made from."""

QUANTIZE_AGAIN: Final = "Make it again with `livematte weights quantize`, or delete it."

_INT8_SUFFIX: Final = "_int8.xml"
_FLOAT32_BYTES: Final = 4
_TENSOR_BYTES: Final = _FLOAT32_BYTES * sum(map(math.prod, layout.SHAPES.values()))
_MOST_BYTES: Final = 4 * _TENSOR_BYTES
"""Larger files are refused unread; files with other number types are still read, and reported."""


class Provenance(NamedTuple):
    """What a converted file records: its origin, and a checksum of its numbers."""

    source: str
    source_sha256: str
    tensors_sha256: str


class BatchNorm(NamedTuple):
    """A trained BatchNorm: y = (x - running_mean) / sqrt(running_var + epsilon) * weight + bias.

    Ioffe, Szegedy: "Batch Normalization", ICML 2015, arXiv 1502.03167. Each is float32 (channels,).
    """

    weight: Weight
    bias: Weight
    running_mean: Weight
    running_var: Weight


def find(name_or_path: str) -> Path:
    """The weight file with the name or path `name_or_path`. Names take precedence over paths.

    Raises `WeightsError` if there is none, if it is a folder, or if it must be downloaded or
    converted first.
    """
    if name_or_path == SHIPPED:
        return _shipped_path()
    path = pulled_path(name_or_path) if name_or_path in CHECKPOINT_SHA256 else Path(name_or_path)
    if path.suffix.lower() in CONVERTIBLE_SUFFIXES and os.path.exists(path):
        raise WeightsError(
            f"{path} must be converted before it can be used.",
            f'Run `livematte weights convert "{path}"` and use the file that it writes.',
        )
    if name_or_path and os.path.isdir(path):
        raise _folder_error(path)
    # Not Path.exists, which raises if a folder on the way is not accessible.
    if name_or_path and os.path.exists(path):
        return path
    if name_or_path in CHECKPOINT_SHA256:
        raise WeightsError(
            f"The {name_or_path} weights have not been downloaded yet.",
            f"Run `livematte weights pull {name_or_path}` once.",
        )
    names = " and ".join((SHIPPED, *CHECKPOINT_SHA256))
    raise WeightsError(
        f"There are no weights called {name_or_path!r}, and no file with that name.",
        f"Known names are {names}. For other weights, give the path of a .safetensors file.",
    )


def read(path: Path) -> State:
    """Every tensor of a weight file, by name, as `network.layout.SHAPES` lists them; read-only.

    The shipped file must have its pinned SHA-256. A downloaded file must come from the official
    checkpoint, and a converted file must hold exactly the numbers that the conversion wrote.

    Raises `WeightsError` if the file cannot be read, is damaged or is for another network.
    """
    name = _name_of(path)
    remedy = _remedy(name)
    data = read_bytes(path, remedy)
    if name == SHIPPED and hashlib.sha256(data).hexdigest() != SHIPPED_SHA256:
        raise WeightsError(f"{path} is not the file that livematte came with.", remedy)
    try:
        state = safetensors.numpy.load(data)
    except (
        SafetensorError,
        ValueError,
        OverflowError,
    ) as error:  # also sides beyond NumPy's
        problem = f"{path} is cut short, damaged or not a safetensors file ({error})."
        raise WeightsError(problem, remedy) from error
    except KeyError as error:
        # A type that NumPy does not have, such as BF16.
        problem = f"{path} holds numbers of type {error.args[0]} instead of float32."
        raise WeightsError(problem, remedy) from error
    check(state, path, remedy)

    provenance = _provenance(data, path, remedy)
    if provenance is not None and provenance.tensors_sha256 != _digest(state):
        raise WeightsError(f"{path} is damaged: its numbers have changed.", remedy)
    official = None if name is None else CHECKPOINT_SHA256.get(name)
    if official and (provenance is None or provenance.source_sha256 != official):
        raise WeightsError(f"{path} was not made from the official {name} checkpoint.", remedy)
    return state


def quantized_path(path: Path) -> Path:
    """The path of the int8 form of the weight file at `path`: the .xml, with a .bin next to it."""
    return path.with_name(f"{path.stem}{_INT8_SUFFIX}")


def find_quantized(path: Path) -> Path | None:
    """The .xml of the int8 form of the weight file at `path`; None if it has none."""
    quantized = quantized_path(path)
    return quantized if os.path.exists(quantized) else None


def read_quantized(quantized: Path) -> tuple[bytes, bytes]:
    """The contents of an int8 form's .xml and .bin, verified to belong to the weights next to them.

    quantized: the .xml, as `find_quantized` returns it. Both files of the shipped one must have
    their pinned SHA-256; others record which .bin and which tensors they belong to. Each file is
    read once, so that the verified bytes are the returned ones.

    Raises `WeightsError` if the verification fails, or if a file is missing or cannot be read.
    """
    source = quantized.with_name(f"{quantized.name.removesuffix(_INT8_SUFFIX)}.safetensors")
    name = _name_of(source)
    remedy = _remedy(name) if name == SHIPPED else QUANTIZE_AGAIN
    numbers_path = quantized.with_suffix(".bin")
    # Git may have converted a text file to Windows line ends.
    graph = read_bytes(quantized, remedy).replace(b"\r\n", b"\n")
    numbers = read_bytes(numbers_path, remedy)
    bin_sha256 = hashlib.sha256(numbers).hexdigest()
    if name == SHIPPED:
        found = {quantized: hashlib.sha256(graph).hexdigest(), numbers_path: bin_sha256}
        for path, sha256 in found.items():
            if sha256 != SHIPPED_INT8_SHA256[path.suffix]:
                raise WeightsError(f"{path} is not the file that livematte came with.", remedy)
        return graph, numbers
    try:
        section = ElementTree.fromstring(graph).find(f"rt_info/{QUANTIZED_ORIGIN}")
    except ElementTree.ParseError as error:
        problem = f"{quantized} is cut short or damaged ({error})."
        raise WeightsError(problem, remedy) from error
    if section is None:
        raise WeightsError(f"{quantized} does not record what it was made from.", remedy)
    origin = {each.tag: each.get("value") for each in section}
    if origin.get("bin_sha256") != bin_sha256:
        raise WeightsError(f"{numbers_path} is damaged or belongs to another network.", remedy)
    if origin.get("tensors_sha256") != tensors_sha256(source):
        raise WeightsError(f"{quantized} was made from other weights than {source}.", remedy)
    return graph, numbers


def tensors_sha256(path: Path) -> str:
    """The SHA-256 of all names and numbers in a weight file, from its header if it is there.

    Raises `WeightsError` if the file cannot be read.
    """
    # For any fault, `read` has the better message.
    with suppress(SafetensorError, OSError, KeyError, TypeError, ValueError):
        with safetensors.safe_open(path, "numpy") as file:
            metadata = file.metadata()
        return Provenance(**json.loads(metadata[_METADATA_KEY])).tensors_sha256
    return _digest(read(path))


def serialise(state: State, source: str, source_sha256: str) -> bytes:
    """The bytes of a weight file; the same tensors and source always give the same bytes.

    source, source_sha256: the name and hash of the file that the tensors were converted from.
    """
    provenance = Provenance(source, source_sha256, _digest(state))
    # Under a single key, because safetensors writes several keys in no fixed order.
    metadata = {_METADATA_KEY: json.dumps(provenance._asdict())}
    return safetensors.numpy.save(state, metadata)


def check(state: Mapping[str, NDArray[Any]], path: Path, remedy: str) -> None:
    """Raise `WeightsError` unless these are MODNet's tensors: names, shapes, types, all finite."""
    for name, shape in layout.SHAPES.items():
        if name not in state:
            raise WeightsError(f"{path} lacks MODNet's tensor {name}.", remedy)
        tensor = state[name]
        if tensor.shape != shape:
            problem = f"Tensor {name} in {path} has shape {tensor.shape} instead of {shape}."
            raise WeightsError(problem, remedy)
        if tensor.dtype != np.float32:
            problem = f"Tensor {name} in {path} is {tensor.dtype} instead of float32."
            raise WeightsError(problem, remedy)
        if not np.isfinite(tensor).all():
            raise WeightsError(f"Tensor {name} in {path} is not finite.", remedy)
    for name in state:
        if name not in layout.SHAPES:
            raise WeightsError(f"{path} holds {name}, which MODNet does not have.", remedy)


def fold(state: Mapping[str, Weight]) -> State:
    """The parameters of `network.modnet.MODNet`, with each IBNorm's BatchNorm folded in.

    state: as `read` returns it.
    """
    folded = dict(state)
    for convolution in layout.BRANCHES:
        if convolution.bnorm is None:
            continue
        batch_norm = BatchNorm(
            *(folded.pop(f"{convolution.bnorm}.{name}") for name in layout.BATCH_NORM_PARAMETERS)
        )
        half = batch_norm.weight.size
        weight = folded[f"{convolution.name}.weight"].copy()
        bias = folded[f"{convolution.name}.bias"].copy()
        weight[:half], bias[:half] = fold_batch_norm(weight[:half], bias[:half], batch_norm)
        folded[f"{convolution.name}.weight"], folded[f"{convolution.name}.bias"] = weight, bias
    return folded


def fold_batch_norm(weight: Weight, bias: Weight, batch_norm: BatchNorm) -> tuple[Weight, Weight]:
    """The weight and bias of a single convolution equal to a convolution and the norm after it.

    weight: (out channels, in channels, kernel, kernel); bias: (out channels,). Computed in
    float64 and rounded once.
    """
    gamma, beta, mean, variance = (parameter.astype(np.float64) for parameter in batch_norm)
    scale = gamma / np.sqrt(variance + layout.BATCH_NORM_EPSILON)
    folded_weight = weight * scale[:, None, None, None]
    folded_bias = (bias - mean) * scale + beta
    return folded_weight.astype(np.float32), folded_bias.astype(np.float32)


def pulled_path(name: str) -> Path:
    """Where `network.download.pull` stores the weights `name`: in the user's cache folder."""
    return user_cache_path("livematte", appauthor=False) / f"modnet_{name}.safetensors"


def _shipped_path() -> Path:
    """Inside the installed package; next to it in a checkout or an editable install."""
    package = Path(__file__).parents[1]
    installed = package / "weights" / f"modnet_{SHIPPED}.safetensors"
    return installed if installed.exists() else package.parent / "weights" / installed.name


def _name_of(path: Path) -> str | None:
    """The name of the weights that belong at `path`; None for the user's own file."""
    places = {SHIPPED: _shipped_path()} | {name: pulled_path(name) for name in CHECKPOINT_SHA256}
    return next(
        (
            name
            for name, place in places.items()
            if os.path.realpath(place) == os.path.realpath(path)
        ),
        None,
    )


def _remedy(name: str | None) -> str:
    if name == SHIPPED:
        return "Reinstall livematte."
    if name is not None:
        return f"Run `livematte weights pull {name}` again."
    return "Convert the official .onnx or .ckpt file again with `livematte weights convert`."


def read_bytes(path: Path, remedy: str) -> bytes:
    """The bytes of a weight file. Raises `WeightsError` if it cannot be read or is too large."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise _folder_error(path)
        if not stat.S_ISREG(status.st_mode):  # a pipe might never end
            raise WeightsError(f"{path} is not a file.", "Give the path of a weight file.")
        size_bytes = status.st_size
        if size_bytes > _MOST_BYTES:
            problem = f"{path} has {size_bytes:,} bytes, far more than MODNet's {_TENSOR_BYTES:,}."
            raise WeightsError(problem, remedy)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise WeightsError(f"{path} does not exist.", remedy) from error
    except PermissionError as error:
        problem = f"You do not have permission to read {path}."
        raise WeightsError(problem, "Change its permissions, or use a copy.") from error
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}).", remedy) from error


def _folder_error(path: Path) -> WeightsError:
    return WeightsError(f"{path} is a folder.", "Give the path of a weight file.")


def _digest(state: Mapping[str, Weight]) -> str:
    """SHA-256 of all names and numbers; does not depend on their order in a file."""
    sha256 = hashlib.sha256()
    for name in sorted(state):
        sha256.update(name.encode())
        sha256.update(state[name].tobytes())
    return sha256.hexdigest()


def _provenance(data: bytes, path: Path, remedy: str) -> Provenance | None:
    """The record in a safetensors file that livematte wrote; None if another program wrote it."""
    header_start = 8  # after the header's length
    header_stop = header_start + int.from_bytes(data[:header_start], "little")
    metadata = json.loads(data[header_start:header_stop]).get("__metadata__") or {}
    if _METADATA_KEY not in metadata:
        return None
    try:
        return Provenance(**json.loads(metadata[_METADATA_KEY]))
    except (ValueError, TypeError) as error:
        raise WeightsError(f"{path} is damaged: its origin cannot be read.", remedy) from error
