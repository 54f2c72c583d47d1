"""How a user gets access to a device. Linux only."""

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
    """`permission` as one sentence, for the end of an error."""
    try:
        words, command = permission(device)
    except OSError:
        return "Check its permissions."
    return f"{words} `{command}`."


def permission(device: str, in_container: bool | None = None) -> tuple[str, str]:
    """How the user of this process gets access to a device: in words, and as a command.

    in_container: None to find out.
    """
    import grp
    import pwd

    node = os.stat(device)
    if is_container() if in_container is None else in_container:
        return (
            "In a container, add the device and its group when you start it:",
            f"docker run --device {device} --group-add {node.st_gid} ...",
        )
    if node.st_gid == 0 or node.st_mode & _GROUP_MAY != _GROUP_MAY:
        return (
            "No group has access to this device. To use it until you plug it in again or restart:",
            f'sudo chown "$USER" {device}',
        )
    try:
        group = grp.getgrgid(node.st_gid)
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        # usermod takes names, and this user or group has none.
        return "To use it until you plug it in again:", f"sudo chown {os.geteuid()} {device}"
    if name in group.gr_mem:
        return (
            f"You are in the group {group.gr_name}, which has access, but this session is older. "
            "Log out and in again, or run this in this terminal:",
            f"newgrp {group.gr_name}",
        )
    return (
        f"Join the group {group.gr_name}, which has access, then log out and in again:",
        f'sudo usermod -aG {group.gr_name} "$USER"',
    )


def is_container(files: Sequence[Path] = CONTAINER_FILES, mounts: Path = MOUNTS) -> bool:
    """Whether this is a container, which uses the devices and modules of its host.

    A virtual machine may have the same marker files, but its root is not an overlay of layers.
    """
    try:
        roots = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return False
    is_layered = any(each[1] == "/" and "overlay" in each[2] for each in roots if len(each) > 2)
    return is_layered and any(each.exists() for each in files)
