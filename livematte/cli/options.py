"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from livematte.cli import completion
from livematte.cli.choices import checked, one_of, require_device
from livematte.cli.terminal import AUTOMATIC, Kind, parse_choice, parse_matte_size
from livematte.errors import UsageError
from livematte.network.size import DEFAULT_SHORT_SIDE, SHORT_SIDES
from livematte.options.rendering import DEVICES, PRECISIONS
from livematte.text.near import did_you_mean, near

NETWORK_PANEL = "Network"


def switch(name: str, told: str, *, short: str | None = None, panel: str | None = None) -> Any:
    """An option that is on or off, `--NAME` or `--no-NAME`; `told` is its help text."""
    return typer.Option(
        f"--{name}/--no-{name}",
        *([] if short is None else [short]),
        metavar="",
        show_default=False,
        help=told,
        rich_help_panel=panel,
    )


Device = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        callback=checked(require_device),
        autocompletion=completion.words(*DEVICES),
        help="auto, cpu, cuda, cuda:N, openvino:GPU, openvino:NPU or torch:cpu. auto picks CUDA "
        "if it works here, else the CPU.",
        rich_help_panel=NETWORK_PANEL,
    ),
]

Precision = Annotated[
    str,
    typer.Option(
        metavar="WORD",
        callback=one_of(*PRECISIONS),
        autocompletion=completion.words(*PRECISIONS),
        help="auto, fp32, int8 or fp16: what the network computes in. auto picks the fastest that "
        "gives correct mattes.",
        rich_help_panel=NETWORK_PANEL,
    ),
]

Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1024,
        metavar="NUMBER",
        help="CPU cores to use.",
        show_default="all",
        rich_help_panel=NETWORK_PANEL,
    ),
]

Weights = Annotated[
    str,
    typer.Option(
        metavar="NAME|FILE",
        autocompletion=completion.weights,
        help="photographic, webcam (see `weights pull`), or a converted file.",
        rich_help_panel=NETWORK_PANEL,
    ),
]

MATTE_SIZE_HELP = (
    f"Short side of what the network sees, {SHORT_SIDES.start} to {SHORT_SIDES.stop - 1}; larger "
    "is slower."
)

MATTE_SIZE_VALUES = tuple(str(each) for each in (AUTOMATIC, 224, 256, DEFAULT_SHORT_SIDE, 512))

FixedMatteSize = Annotated[
    str,
    typer.Option(
        metavar="PIXELS",
        callback=checked(parse_matte_size),
        autocompletion=completion.words(*MATTE_SIZE_VALUES[1:]),
        help=MATTE_SIZE_HELP,
        rich_help_panel=NETWORK_PANEL,
    ),
]

BLUR_HELP = (
    "blur hides text with letters up to 1/12 of the picture's height; below blur:30 smaller text "
    "may be readable, and large things can be made out at any strength."
)

MATTE_PANEL = "Matte"

QUALITIES = ("fast", "balanced", "best")
QUALITY_HELP = (
    "fast, balanced or best. fast: steady over time; on a background, soft edges keep the room's "
    "colour. balanced: edges of the frame and the person's own colours too. best: each frame seen "
    "twice by the network, for twice its work."
)


def require_quality(text: str) -> None:
    """Raises `UsageError` if it is not one of `QUALITIES`."""
    if re.fullmatch(r"\d+", text):
        raise UsageError(
            f"Quality {text!r} is not one of a matte: fast, balanced or best.",
            f"For the quality of the file, write --encode-quality {text}.",
        )
    if text not in QUALITIES:
        hint = did_you_mean(near(text, QUALITIES))
        raise UsageError(
            f"Quality {text!r} is not known.", f"{hint}Choose from {', '.join(QUALITIES)}."
        )


Quality = Annotated[
    str,
    typer.Option(
        "--quality",
        metavar="WORD",
        callback=checked(require_quality),
        autocompletion=completion.words(*QUALITIES),
        help=QUALITY_HELP,
        rich_help_panel=MATTE_PANEL,
    ),
]

PARTS = ("steady", "islands", "edges", "colours")

Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without",
        metavar="PART",
        callback=one_of(*PARTS),
        autocompletion=completion.words(*PARTS),
        help="Switch a part of the quality off: steady, islands, edges or colours. May be given "
        "several times. Without colours, soft edges on a background keep the room's colour; "
        "transparent pictures never do.",
        rich_help_panel=MATTE_PANEL,
    ),
]

Edge = Annotated[
    int,
    typer.Option(
        "--edge",
        min=-10,
        max=10,
        metavar="PIXELS",
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
        metavar="AMOUNT",
        help="How much of the background's light falls around the person's edge.",
        rich_help_panel=MATTE_PANEL,
    ),
]

RESULTS_FOLDER = "mattes"
"""The default folder for the results of photos."""

Overwrite = Annotated[
    bool,
    switch("overwrite", "Replace what is there already."),
]

Debug = Annotated[
    bool,
    switch("debug", "Show tracebacks and library messages."),
]


def parse_choices(option: str, texts: Sequence[str], kinds: type[Kind]) -> list[Kind]:
    """The kinds that several values name, each once: `--save alpha,cutout` and `--save alpha --save
    cutout` are the same. Spaces around names and a comma at the end do not matter.

    Raises `UsageError` if one is unknown, or none is named.
    """
    words = [word.strip() for text in texts for word in text.split(",")]
    named = [word for word in words if word] or [",".join(texts)]
    return list(dict.fromkeys(parse_choice(option, word, kinds) for word in named))
