"""Camera addresses that are safe to show: without the secrets that open the camera.

People share, log and paste what a terminal shows. An address may have a password before its host
("rtsp://admin:secret@host"), in its query ("?token=..."), or anywhere in its path
("/user=admin_password=secret", "/live/KEY"), so only its scheme, host and port are shown.
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
"""An address whose path cannot be a key. With RTMP, any word can be a key."""

_SECRETIVE: Final = frozenset("@?=;")
_AFTER_ADDRESS: Final = ".,:;!)'\""


def is_address(text: str) -> bool:
    """Whether a camera's name is a stream's address, or was meant as one."""
    return "://" in text or ("@" in text and not _PATH.match(text))


def shown_address(address: str) -> str:
    """scheme://host:port of an address, with "..." if it has more; other text unchanged."""
    if not is_address(address) or _PLAIN.fullmatch(address):
        return address
    parts = _ADDRESS.fullmatch(address)
    assert parts is not None, "it matches anything"
    # The last "@": a password may contain others, and any character that usually ends it.
    before, at, after = parts["rest"].rpartition("@")
    host = _HOST.match(after)
    assert host is not None, "it matches anything"
    rest = "/..." if after[host.end() :].strip("/") else ""
    return f"{parts['scheme']}{HIDDEN + at if before or at else ''}{host[0]}{rest}"


def hide_passwords(text: str) -> str:
    """Text for people, with `shown_address` applied to each address that may hold a password."""

    def hidden(found: re.Match[str]) -> str:
        address = found[0].rstrip(_AFTER_ADDRESS)
        if found[0].startswith(f"{address}...") and address.endswith("/"):
            address += "..."  # part of an address that is hidden already
        if _SECRETIVE.isdisjoint(address):
            return found[0]
        return shown_address(address) + found[0][len(address) :]

    return _IN_TEXT.sub(hidden, text)
