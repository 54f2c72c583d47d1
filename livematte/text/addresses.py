"""Addresses of cameras as they may be shown: without what opens the camera.

A terminal is shared, logged and pasted into reports. An address may have a password before its host
("rtsp://admin:secret@host"), in its query ("?token=..."), or anywhere in its path
("/user=admin_password=secret", "/live/KEY"), so that scheme, host and port are all that is shown.
"""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "***"

_ADDRESS: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*:/*|/*)(?P<rest>.*)", re.DOTALL)
_HOST: Final = re.compile(r"(\[[^\]\s]*\]|[^/?#;=&:\s]*)(:\d{1,5}(?![^/?#;]))?")

_PATH: Final = re.compile(r"\.{0,2}[/\\](?!/)|[A-Za-z]:\\")

_IN_TEXT: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:/+\S*"
    # without its scheme, at the beginning of a word
    r"|(?<![^\s'\"(])[^\s:/\\@'\"]+:[^\s@]+@\S+"
)
_PLAIN: Final = re.compile(
    r"(?!rtmp)[A-Za-z0-9+.-]+://([\w.-]*|\[[^\]\s]*\])(:\d{1,5})?"
    r"(/[A-Za-z_-]{1,16}\d{0,3}(\.\w{1,5})?)+/?"
)
"""With a path that can be no key: of RTMP any word is one."""

_SECRETIVE: Final = frozenset("@?=;")
_AFTER_ADDRESS: Final = ".,:;!)'\""


def is_address(text: str) -> bool:
    """Whether a camera's name is a stream's address, or was meant for one."""
    return "://" in text or ("@" in text and not _PATH.match(text))


def shown_address(address: str) -> str:
    """scheme://host:port of an address, and whether more was there; other text as it is."""
    if not is_address(address) or _PLAIN.fullmatch(address):
        return address
    parts = _ADDRESS.fullmatch(address)
    assert parts is not None, "it matches anything"
    # The last one: a password may have more of them, and all else that would end it.
    before, at, after = parts["rest"].rpartition("@")
    host = _HOST.match(after)
    assert host is not None, "it matches anything"
    rest = "/..." if after[host.end() :].strip("/") else ""
    return f"{parts['scheme']}{HIDDEN + at if before or at else ''}{host[0]}{rest}"


def hide_passwords(text: str) -> str:
    """A text for people, with the addresses in it that may hold a password as `shown_address`."""

    def hidden(found: re.Match[str]) -> str:
        address = found[0].rstrip(_AFTER_ADDRESS)
        if found[0].startswith(f"{address}...") and address.endswith("/"):
            address += "..."  # of an address that is hidden already
        if _SECRETIVE.isdisjoint(address):
            return found[0]
        return shown_address(address) + found[0][len(address) :]

    return _IN_TEXT.sub(hidden, text)
