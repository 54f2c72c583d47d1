"""Whether a video call can be given pictures: by v4l2loopback on Linux, by OBS elsewhere."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

from livematte.doctor.finding import Finding, ok, problem
from livematte.doctor.linux import end_command, not_let_in, permission

MODULES: Final = Path("/lib/modules")

INSTALL: Final = {
    "debian": "sudo apt install v4l2loopback-dkms linux-headers-$(uname -r)",
    "fedora": "sudo dnf install akmod-v4l2loopback",
    "arch": "sudo pacman -S v4l2loopback-dkms linux-headers",
    "suse": "sudo zypper install v4l2loopback-kmp-default",
}
"""By the names that /etc/os-release has for families of Linux. Fedora's is in RPM Fusion."""

INSTALL_OBS: Final = {
    "win32": "winget install --id OBSProject.OBSStudio",
    "darwin": "brew install --cask obs",
}


def check() -> Iterator[Finding]:
    return _on_linux() if sys.platform == "linux" else elsewhere(_open_for_a_moment, sys.platform)


def _open_for_a_moment() -> str:
    from livematte.frame import Size
    from livematte.sinks import VirtualCamera

    camera = VirtualCamera()
    camera.open(Size(1280, 720), Fraction(30))
    camera.close()
    return camera.description


def elsewhere(open_for_a_moment: Callable[[], str], system: str) -> Iterator[Finding]:
    """open_for_a_moment: returns the camera's description; raises `SinkError` if there is none."""
    from livematte.errors import SinkError

    try:
        yield ok(open_for_a_moment())
    except SinkError as error:
        yield problem(
            error.problem,
            f"{error.remedy} To install it:",
            INSTALL_OBS.get(system, "https://obsproject.com"),
        )


def _on_linux() -> Iterator[Finding]:
    from livematte import v4l2
    from livematte.sinks.v4l2loopback import VIRTUAL_DEVICES

    devices = v4l2.paths(VIRTUAL_DEVICES)
    if not devices:
        yield not_loaded(platform.release(), _families())
    for device in devices:
        yield _examine(device, devices)


def not_loaded(kernel: str, families: Sequence[str], modules: Path = MODULES) -> Finding:
    """kernel: its release. families: of Linux, the nearest first, as /etc/os-release has them."""
    load = load_command(["livematte"])
    try:
        installed = "/v4l2loopback.ko" in (modules / kernel / "modules.dep").read_text()
    except OSError:
        installed = False
    if installed:
        return problem("The kernel module v4l2loopback is not loaded.", "Load it:", load)
    install = next((INSTALL[each] for each in families if each in INSTALL), "")
    return problem(
        f"The kernel module v4l2loopback is not installed for the kernel {kernel}.",
        "Install and load it:" if install else "Install v4l2loopback by your system's means, then:",
        f"{install} && {load}" if install else load,
    )


def _families() -> list[str]:
    try:
        about = platform.freedesktop_os_release()
    except OSError:
        return []
    return [about["ID"], *about.get("ID_LIKE", "").split()]


def load_command(labels: Sequence[str], numbers: Sequence[str] = ()) -> str:
    """Makes a device of each label, as video calls need them.

    numbers: theirs, the N of /dev/videoN; none to leave them to the kernel.
    """
    options = [f"exclusive_caps={','.join('1' for _ in labels)}", f"card_label={','.join(labels)}"]
    if len(labels) > 1:
        options.insert(0, f"devices={len(labels)}")
    if numbers:
        options.append(f"video_nr={','.join(numbers)}")
    return f"sudo modprobe v4l2loopback {shlex.join(options)}"


def _examine(device: str, devices: Sequence[str]) -> Finding:
    from livematte import v4l2
    from livematte.errors import SinkError
    from livematte.sinks import v4l2loopback
    from livematte.sources import linux_camera

    name = f'{device} "{_label(device)}"'
    if not os.path.exists(device):
        return problem(
            f"{name}: the kernel has it, and there is no such file.",
            *not_let_in(device),
        )
    if not os.access(device, os.R_OK | os.W_OK, effective_ids=True):
        return problem(f"{name}: you may not use it.", *permission(device))
    try:
        v4l2loopback.check(device, avoid=())
    except SinkError as error:
        holders = linux_camera.processes_holding(device)
        by = f" Open in {', '.join(map(str, holders))}." if holders else ""
        return problem(f"{name}: {error.problem}{by}", error.remedy, end_command(holders))
    with v4l2.opened(device) as descriptor:
        capabilities = v4l2.capabilities(descriptor)
    if (held := v4l2loopback.held(device)) is not None:
        return ok(f"{name} is free; the driver keeps it at {held.size}")
    if capabilities.gives_pictures:
        labels = [_label(each) for each in devices]
        numbers = [each.removeprefix("/dev/video") for each in devices]
        return problem(
            f"{name} was made without exclusive_caps=1: Chrome, Zoom and Teams do not list it.",
            "Close what uses it, and make it anew:",
            f"sudo modprobe -r v4l2loopback && {load_command(labels, numbers)}",
        )
    return ok(f"{name} is free, with exclusive_caps=1")


def _label(device: str) -> str:
    from livematte.sinks.v4l2loopback import VIRTUAL_DEVICES

    return (VIRTUAL_DEVICES / Path(device).name / "name").read_text().strip()
