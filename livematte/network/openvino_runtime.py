"""OpenVINO without its telemetry: the one place where it is imported from.

As installed, `import openvino` sends an event to Google Analytics and leaves an identifier in the
user's home folder, unless the user has opted out beforehand (openvino/tools/ovc/__init__.py and
the package openvino-telemetry). That would break livematte's promise that nothing leaves this
computer. Everything in OpenVINO that sends sits in the two modules below, which OpenVINO does
without where they are missing; running models needs neither.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import ModuleType

TELEMETRY: Final = ("openvino_telemetry", "openvino.tools.ovc")
"""What sends, and the model converter, which asks it to as soon as it is imported."""


def load_openvino() -> ModuleType:
    """The module `openvino`, imported so that it sends nothing.

    Raises ImportError if it is not installed or does not run here.
    """
    for name in TELEMETRY:
        # None is what Python's import takes for "there is no such module".
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    import openvino

    module: ModuleType = openvino
    return module
