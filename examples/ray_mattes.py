"""Matte a collection of photos that outgrows one machine: Ray Data with `livematte.Matter`.

    pip install '.[ray]'
    python examples/ray_mattes.py PHOTOS MATTES

PHOTOS is a folder, on a disk that all machines share or in a bucket (s3://...). MATTES is a folder
for Parquet files with the columns "path" and "png": the matte, as the content of a PNG file. On a
cluster, start it on the head node with RAY_ADDRESS=auto.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import cv2
import numpy as np
import ray

from livematte import Matter


def encode(batch: dict[str, Any]) -> dict[str, Any]:
    """Replace the pictures of a batch by its mattes, as PNGs."""
    pngs = [
        cv2.imencode(".png", np.rint(alpha * 255).astype(np.uint8))[1].tobytes()
        for alpha in batch["alpha"]
    ]
    return {"path": batch["path"], "png": pngs}


def main(photos: str, mattes: str) -> None:
    """Matte every photo in a folder."""
    dataset = ray.data.read_images(photos, mode="RGB", include_paths=True)
    dataset = dataset.map_batches(
        Matter,  # one in each worker; it loads its network once
        fn_constructor_kwargs={"threads": 1},
        num_cpus=1,
        batch_size=8,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=os.cpu_count()),
    )
    dataset.map_batches(encode).write_parquet(mattes)


if __name__ == "__main__":
    # Otherwise Ray reports its use to its makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    main(*sys.argv[1:])
