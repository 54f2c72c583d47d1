"""The examples at the end of each command's help. A test runs them all."""

from __future__ import annotations

from typing import Final

from rich.markup import escape

EXAMPLES: Final[dict[str, dict[str, str]]] = {
    "livematte": {
        "livematte": "camera 0 on green, in a window",
        "livematte --demo": "no camera at hand",
        "livematte -b blur --virtual-camera": "a video call, the room out of focus",
        "livematte -b beach.jpg -b blur -b '#1e90ff'": "three backgrounds; b switches",
        "livematte --input talk.mp4 -b beach.jpg": "a file instead of a camera",
        "livematte -o 'me %Y-%m-%d %H.%M.%S.mp4'": "also record",
        "livematte video talk.mp4 -o talk.mov --save cutout": "a whole file, fast",
        "livematte image photos/ --zip mattes.zip": "mattes of photos",
        "livematte --profile talk": "options from the settings file",
    },
    "livematte image": {
        "livematte image portrait.jpg": "its matte, into the folder mattes",
        "livematte image portrait.jpg --save cutout -o results": "transparent",
        "livematte image photos/ --save alpha,composite -b beach.jpg": "both, each",
        "livematte image photos/ --recursive --zip mattes.zip": "subfolders, too",
    },
    "livematte video": {
        "livematte video talk.mp4 -b beach.jpg -o talk-beach.mp4": "on a picture",
        "livematte video talk.mp4 --save cutout -o talk.mov": "real alpha",
        "livematte video talk.mp4 --save alpha,cutout -o results/": "in one pass",
        "livematte video talk.mp4 --start 0.2 --end 0:01 -o part.mp4": "a part",
        "livematte video talk.mp4 -o - | ffprobe -": "into another program",
        "cat talk.mp4 | livematte video - -o talk-green.mp4": "from another one",
    },
    "livematte recover": {
        "livematte recover": "finish what a crash has cut short",
        "livematte recover --list": "only look",
        "livematte recover results/": "look there as well",
    },
    "livematte cameras": {"livematte cameras": "what --camera can take"},
    "livematte doctor": {
        "livematte doctor": "what works here, and how to fix the rest",
        "livematte doctor --json": "for programs",
    },
    "livematte bench": {
        "livematte bench": "a few minutes",
        "livematte bench --size 640x480 --device cpu --frames 30": "a quick look",
        "livematte bench --photos": "photos",
    },
    "livematte bench quality": {
        "livematte bench quality labelled/": "everything",
        "livematte bench quality labelled/ --frames 20 --backgrounds 1": "quick",
    },
    "livematte weights": {
        "livematte weights pull webcam": "then: livematte --weights webcam",
        "livematte weights convert modnet.onnx": "your own",
    },
    "livematte weights pull": {"livematte weights pull webcam": "then --weights webcam"},
    "livematte weights convert": {
        "livematte weights convert modnet.onnx": "writes modnet.safetensors"
    },
    "livematte weights quantize": {
        "livematte weights quantize photographic --calibrate photos/": "faster"
    },
}
"""For each command: lines to copy, and what they do."""

EXIT_CODES: Final = (
    "0 done (also Ctrl-C in a live run), 1 something failed, 2 a wrong option, value or settings "
    "file, 130 image or video ended early by Ctrl-C."
)

KEYS: Final = "q quit, b background, m mirror, v matte, s snapshot, i numbers, h help."
"""As the window's own help lists them (`sinks.preview.view`)."""

UNDOING: Final = (
    "The command line goes over a profile, and that over the other settings. --no-NAME, or the "
    "value none, undoes an option of the settings file: --preview, --no-virtual-camera, --output "
    "none, --config none."
)


def epilog(command: str) -> str:
    """The text at the end of the help of `command`, such as "livematte video"."""
    shown = [f"{line}  # {what}" for line, what in EXAMPLES[command].items()]
    parts = ["[bold]Examples[/bold]", *map(escape, shown)]
    if command == "livematte":
        parts += [
            f"[bold]Keys in the window[/bold]: {KEYS}",
            f"[bold]Settings[/bold]: {escape(UNDOING)}",
        ]
    if command in ("livematte", "livematte image", "livematte video"):
        parts.append(f"[bold]Exit codes[/bold]: {EXIT_CODES}")
    return "\n\n".join(parts)
