"""livematte: you in front of any background, live."""

__version__ = "0.1.0"
