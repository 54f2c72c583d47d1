"""livematte: you in front of any background, live; and mattes of pictures, from Python."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livematte.matter import Matter, cutout, matte

__version__ = "0.1.0"
__all__ = ["Matter", "cutout", "matte"]


def __getattr__(name: str) -> Any:
    """Load OpenCV only for who uses it: `livematte --help` need not wait."""
    if name in __all__:
        from livematte import matter

        return getattr(matter, name)
    raise AttributeError(f"module 'livematte' has no attribute {name!r}")
