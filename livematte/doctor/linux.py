"""What to do about a device that may not be used, or that another program uses. Linux only."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from livematte.sources.linux_camera import Holder

_GROUP_MAY: Final = stat.S_IRGRP | stat.S_IWGRP


def permission(device: str) -> tuple[str, str]:
    """How the user of this process gets it: in words, and the command."""
    import grp
    import pwd

    node = os.stat(device)
    if node.st_gid == 0 or node.st_mode & _GROUP_MAY != _GROUP_MAY:
        return (
            "No group of users may. Until it is plugged in again, or the computer starts anew:",
            f'sudo chown "$USER" {device}',
        )
    group = grp.getgrgid(node.st_gid)
    if pwd.getpwuid(os.geteuid()).pw_name in group.gr_mem:
        return (
            f"You have joined the group {group.gr_name} that may, but this session is older. Log "
            "out and in again, or in this terminal:",
            f"newgrp {group.gr_name}",
        )
    return (
        f"Join the group {group.gr_name} that may, then log out and in again:",
        f'sudo usermod -aG {group.gr_name} "$USER"',
    )


def end_command(holders: Sequence[Holder]) -> str:
    """Ends the program that holds a device; "" unless it can be only one."""
    return f"kill {holders[0].process}" if len(holders) == 1 else ""


def not_let_in(device: str) -> tuple[str, str]:
    """What to do if the kernel has a device and there is no file of it, as in a container."""
    return "In a container, let it in when you start it:", f"docker run --device {device} ..."
