"""What lets a person use a device that they may not use. Linux only."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

CONTAINER_FILES: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Docker's and Podman's."""

MOUNTS: Final = Path("/proc/mounts")

_GROUP_MAY: Final = stat.S_IRGRP | stat.S_IWGRP


def remedy(device: str) -> str:
    """`permission` as the sentence that an error ends with."""
    try:
        words, command = permission(device)
    except OSError:
        return "Check its permissions."
    return f"{words} `{command}`."


def permission(device: str, in_container: bool | None = None) -> tuple[str, str]:
    """How the user of this process gets it: in words, and the command.

    in_container: None to look.
    """
    import grp
    import pwd

    node = os.stat(device)
    if is_container() if in_container is None else in_container:
        return (
            "In a container, let its user in when you start it:",
            f"docker run --device {device} --group-add {node.st_gid} ...",
        )
    if node.st_gid == 0 or node.st_mode & _GROUP_MAY != _GROUP_MAY:
        return (
            "No group of users may. Until it is plugged in again, or the computer starts anew:",
            f'sudo chown "$USER" {device}',
        )
    try:
        group = grp.getgrgid(node.st_gid)
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        # A group or user without a name cannot be entered into a list of names.
        return "Until it is plugged in again:", f"sudo chown {os.geteuid()} {device}"
    if name in group.gr_mem:
        return (
            f"You have joined the group {group.gr_name} that may, but this session is older. Log "
            "out and in again, or in this terminal:",
            f"newgrp {group.gr_name}",
        )
    return (
        f"Join the group {group.gr_name} that may, then log out and in again:",
        f'sudo usermod -aG {group.gr_name} "$USER"',
    )


def is_container(files: Sequence[Path] = CONTAINER_FILES, mounts: Path = MOUNTS) -> bool:
    """Whether devices and modules are those of another system around this one.

    A container's files may also be seen from a virtual machine, whose root is no layers of images.
    """
    try:
        roots = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return False
    is_layered = any(each[1] == "/" and "overlay" in each[2] for each in roots if len(each) > 2)
    return is_layered and any(each.exists() for each in files)
