"""A SHA-256 of what an OpenVINO model computes."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np


def model_sha256(model: Any) -> str:
    """The hash of a model's operations, their attributes, wiring and constants.

    model: an `openvino.Model`. Names are ignored, since they do not affect the result; two models
    built the same way have the same hash in every process.
    """
    sha256 = hashlib.sha256()
    places: dict[str, int] = {}
    for operation in model.get_ordered_ops():
        places[operation.get_name()] = len(places)  # unique within a model
        kind = operation.get_type_info()
        sources = [each.get_source_output() for each in operation.inputs()]
        described = (
            kind.name,
            kind.version_id,
            sorted((name, str(value)) for name, value in operation.get_attributes().items()),
            [(places[each.get_node().get_name()], each.get_index()) for each in sources],
            [
                (each.get_element_type().get_type_name(), str(each.get_partial_shape()))
                for each in operation.outputs()
            ],
        )
        sha256.update(repr(described).encode())
        if kind.name == "Constant":
            sha256.update(np.ascontiguousarray(operation.data).tobytes())
    return sha256.hexdigest()
