"""Whether livematte can send to video calls: through v4l2loopback on Linux, else through OBS."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

from livematte.doctor.finding import Finding, Status, ok, problem
from livematte.doctor.linux import end_command, has_secure_boot, not_let_in
from livematte.linux.device_permission import is_container, permission

MODULES: Final = Path("/lib/modules")

FED: Final = "so livematte cannot send to it"

SIGNING: Final = (
    'If that fails with "Key was rejected by service", Secure Boot refuses the module: enroll the '
    "key that signed it with `sudo mokutil --import` (/var/lib/dkms/mok.pub, on Ubuntu "
    "/var/lib/shim-signed/mok/MOK.der, on Fedora /etc/pki/akmods/certs/public_key.der), restart, "
    "and choose Enroll MOK."
)

INSTALL: Final = {
    "debian": "sudo apt install v4l2loopback-dkms linux-headers-$(uname -r)",
    "fedora": "sudo dnf install akmod-v4l2loopback",
    "arch": "sudo pacman -S v4l2loopback-dkms linux-headers",
    "suse": "sudo zypper install v4l2loopback-kmp-default",
}
"""Keyed by the families of Linux in /etc/os-release. Fedora's package is in RPM Fusion."""

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
    from livematte.linux import v4l2
    from livematte.linux.v4l2loopback import VIRTUAL_DEVICES

    devices = v4l2.paths(VIRTUAL_DEVICES)
    if not devices:
        yield not_loaded(
            platform.release(),
            _families(),
            in_container=is_container(),
            secure_boot=has_secure_boot(),
        )
    found = [_examine(device, devices) for device in devices]
    yield from found
    if found and all(each.status is Status.OK and each.text.endswith(FED) for each in found):
        labels = [*map(_label, devices), "livematte"]
        numbers = [each.removeprefix("/dev/video") for each in devices]
        yield problem(
            "Another program feeds each virtual camera; none is free for livematte.",
            "Close the programs that use them, and reload the module with one more device:",
            f"sudo modprobe -r v4l2loopback && {load_command(labels, [*numbers, _free(numbers)])}",
        )


def _free(numbers: Sequence[str]) -> str:
    """A number that no video device has."""
    from livematte.linux import v4l2

    taken = {path.removeprefix("/dev/video") for path in v4l2.paths()} | set(numbers)
    return next(str(each) for each in range(10, 100) if str(each) not in taken)


def not_loaded(
    kernel: str,
    families: Sequence[str],
    modules: Path = MODULES,
    *,
    loaded: Path | None = None,
    in_container: bool = False,
    secure_boot: bool = False,
) -> Finding:
    """What is wrong, and how to fix it, on a computer without a v4l2loopback device.

    kernel: its release. families: of Linux, the nearest first, as in /etc/os-release.
    loaded: the folder that exists while the module is loaded; None for the kernel's.
    in_container: only the host can load the module.
    secure_boot: the kernel refuses modules that are not signed.
    """
    from livematte.linux.v4l2loopback import LOADED

    load = load_command(["livematte"])
    if (loaded or LOADED).exists():
        return problem(
            "The kernel module v4l2loopback is loaded but has no device.",
            "Reload it:",
            f"sudo modprobe -r v4l2loopback && {load}",
        )
    if in_container:
        return problem(
            "The kernel module v4l2loopback is not loaded, and a container cannot load it.",
            "Load it on the host, then start the container with the device, as in "
            "docker run --device /dev/video10 ...:",
            load_command(["livematte"], ["10"]),
        )
    try:
        installed = "/v4l2loopback.ko" in (modules / kernel / "modules.dep").read_text()
    except OSError:
        installed = False
    signing = ""
    if secure_boot:
        signing = f" {SIGNING}"
    if installed:
        return problem("The kernel module v4l2loopback is not loaded.", f"Load it.{signing}", load)
    install = next((INSTALL[each] for each in families if each in INSTALL), "")
    return problem(
        f"The kernel module v4l2loopback is not installed for the kernel {kernel}.",
        f"Install and load it.{signing}"
        if install
        else f"Install v4l2loopback with your package manager, then load it.{signing}",
        f"{install} && {load}" if install else load,
    )


def _families() -> list[str]:
    try:
        about = platform.freedesktop_os_release()
    except OSError:
        return []
    return [about["ID"], *about.get("ID_LIKE", "").split()]


def load_command(labels: Sequence[str], numbers: Sequence[str] = ()) -> str:
    """The command that makes one device for each label, as video calls need them.

    numbers: the N of each /dev/videoN; empty to let the kernel choose.
    """
    options = [f"exclusive_caps={','.join('1' for _ in labels)}", f"card_label={','.join(labels)}"]
    if len(labels) > 1:
        options.insert(0, f"devices={len(labels)}")
    if numbers:
        options.append(f"video_nr={','.join(numbers)}")
    return f"sudo modprobe v4l2loopback {shlex.join(options)}"


def _examine(device: str, devices: Sequence[str]) -> Finding:
    from livematte.errors import SinkError
    from livematte.linux import open_files, v4l2, v4l2loopback

    name = f'{device} "{_label(device)}"'
    if not os.path.exists(device):
        return problem(
            f"{name}: the kernel lists it, but its device file is missing.",
            *not_let_in(device),
        )
    if not os.access(device, os.R_OK | os.W_OK, effective_ids=True):
        return problem(f"{name}: you do not have permission to use it.", *permission(device))
    try:
        v4l2loopback.check(device, avoid=())
    except SinkError as error:
        if error.problem == v4l2loopback.busy(device).problem:
            who = open_files.holders(device).seen
            by = f" ({', '.join(map(str, who))})" if who else ""
            return ok(f"{name} is a camera that another program feeds{by}, {FED}")
        holding = open_files.holders(device).seen
        by = f" It is open in {', '.join(map(str, holding))}." if holding else ""
        return problem(f"{name}: {error.problem}{by}", error.remedy, end_command(holding))
    with v4l2.opened(device) as descriptor:
        capabilities = v4l2.capabilities(descriptor)
    if (held := v4l2loopback.held(device)) is not None:
        return ok(f"{name} is free; the driver holds it at {held.size}")
    if capabilities.gives_pictures:
        labels = [_label(each) for each in devices]
        numbers = [each.removeprefix("/dev/video") for each in devices]
        return problem(
            f"{name} was made without exclusive_caps=1: Chrome, Zoom and Teams do not list it.",
            "Close the programs that use it, and reload the module:",
            f"sudo modprobe -r v4l2loopback && {load_command(labels, numbers)}",
        )
    return ok(f"{name} is free, with exclusive_caps=1")


def _label(device: str) -> str:
    from livematte.linux.v4l2loopback import VIRTUAL_DEVICES

    return (VIRTUAL_DEVICES / Path(device).name / "name").read_text().strip()
