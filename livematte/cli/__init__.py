"""The command line: arguments to objects. The only place that prints or exits."""

from livematte.cli.app import main

__all__ = ["main"]
