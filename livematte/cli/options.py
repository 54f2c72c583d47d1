"""Options that several commands have in common."""

from __future__ import annotations

from typing import Annotated

import typer

NETWORK_PANEL = "Network"

Device = Annotated[
    str,
    typer.Option(
        help="auto, cpu, cuda, cuda:N, openvino:GPU, openvino:NPU or torch:cpu. auto takes CUDA if "
        "it can, else the CPU.",
        rich_help_panel=NETWORK_PANEL,
    ),
]

Precision = Annotated[
    str,
    typer.Option(
        metavar="auto|fp32|int8|fp16",
        help="What the network computes in. auto takes the fastest that is right.",
        rich_help_panel=NETWORK_PANEL,
    ),
]

Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Cores of the CPU to use.",
        show_default="all",
        rich_help_panel=NETWORK_PANEL,
    ),
]

Weights = Annotated[
    str,
    typer.Option(
        metavar="NAME|PATH",
        help="photographic, webcam (see `weights pull`), or a converted file.",
        rich_help_panel=NETWORK_PANEL,
    ),
]

FixedMatteSize = Annotated[
    str,
    typer.Option(
        metavar="PIXELS",
        help="Short side of what the network sees.",
        rich_help_panel=NETWORK_PANEL,
    ),
]

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")]

Debug = Annotated[
    bool, typer.Option("--debug", help="Show tracebacks and what libraries have to say.")
]
