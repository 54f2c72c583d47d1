"""What to do about a device that another program uses, and what the kernel allows. Linux only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from livematte.linux.open_files import Holder

EFI_VARIABLES: Final = Path("/sys/firmware/efi/efivars")

_SECURE_BOOT: Final = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
"""The firmware's variable (UEFI 2.10, 3.3): four bytes of attributes, then 1 if it is on."""


def has_secure_boot(variables: Path = EFI_VARIABLES) -> bool:
    """Whether Secure Boot is on: the kernel refuses modules without a signature it trusts."""
    try:
        return (variables / _SECURE_BOOT).read_bytes()[4:] == b"\1"
    except OSError:
        return False


def end_command(holders: Sequence[Holder]) -> str:
    """The command that ends the program that holds a device; "" unless there is exactly one."""
    return f"kill {holders[0].process}" if len(holders) == 1 else ""


def not_let_in(device: str) -> tuple[str, str]:
    """What to do if the kernel has a device but its file is missing, as in a container."""
    return "In a container, add the device when you start it:", f"docker run --device {device} ..."
