"""Options that several commands have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from livematte.cli.terminal import Kind, parse_choice

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
        max=1024,
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

BLUR_HELP = (
    "blur hides text with letters up to 1/12 of the picture's height; below blur:30 smaller text "
    "may be readable, and large things can be made out at any strength."
)

MATTE_PANEL = "Matte"

QUALITY_CHOICES = "fast|balanced|best"
QUALITY_HELP = (
    "fast: steady over time; on a background, soft edges keep the room's colour. balanced: edges "
    "of the frame and the person's own colours too. best: each frame seen "
    "twice by the network, for twice its work."
)

Quality = Annotated[
    str,
    typer.Option(
        "--quality", metavar=QUALITY_CHOICES, help=QUALITY_HELP, rich_help_panel=MATTE_PANEL
    ),
]

MatteQuality = Annotated[
    str,
    typer.Option(
        "--matte-quality", metavar=QUALITY_CHOICES, help=QUALITY_HELP, rich_help_panel=MATTE_PANEL
    ),
]
"""The same, for commands whose --quality is that of a file."""

Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without",
        metavar="steady|islands|edges|colours",
        help="Switch a part of the quality off. May be given several times. Without colours, soft "
        "edges on a background keep the room's colour; transparent pictures never do.",
        rich_help_panel=MATTE_PANEL,
    ),
]

Edge = Annotated[
    int,
    typer.Option(
        "--edge",
        min=-10,
        max=10,
        help="Move the person's edge, in pixels of 720 rows: negative is inwards.",
        rich_help_panel=MATTE_PANEL,
    ),
]

LightWrap = Annotated[
    float,
    typer.Option(
        "--light-wrap",
        min=0,
        max=1,
        help="How much of the background's light falls around the person's edge.",
        rich_help_panel=MATTE_PANEL,
    ),
]

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")]

Debug = Annotated[
    bool, typer.Option("--debug", help="Show tracebacks and what libraries have to say.")
]


def parse_choices(option: str, texts: Sequence[str], kinds: type[Kind]) -> list[Kind]:
    """What several values name, each kind once: `--save alpha,cutout` and `--save alpha --save
    cutout` are the same. Spaces around names and a comma at the end do not matter.

    Raises `UsageError` if one is not known, or nothing is named.
    """
    words = [word.strip() for text in texts for word in text.split(",")]
    named = [word for word in words if word] or [",".join(texts)]
    return list(dict.fromkeys(parse_choice(option, word, kinds) for word in named))
