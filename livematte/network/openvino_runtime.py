"""OpenVINO without its telemetry: the only place that imports it.

By default, `import openvino` sends an event to Google Analytics and leaves an identifier in the
user's home folder, unless the user has opted out before (openvino/tools/ovc/__init__.py and the
package openvino-telemetry). That would break livematte's promise that nothing leaves this computer.
Only the two modules below send anything. OpenVINO works without them if they are missing; running
models needs neither.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import ModuleType

TELEMETRY: Final = ("openvino_telemetry", "openvino.tools.ovc")
"""The module that sends, and the model converter, which uses it as soon as it is imported."""


def load_openvino() -> ModuleType:
    """The module `openvino`, imported so that it sends nothing.

    Raises ImportError if it is not installed or does not run here.
    """
    for name in TELEMETRY:
        # For Python's import, None means that the module does not exist.
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    import openvino

    module: ModuleType = openvino
    return module
