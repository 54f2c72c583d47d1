"""Downloads from a real HTTPS server on this machine, with a certificate made for the test."""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
import trustme

from livematte.errors import WeightsError
from livematte.network import download, layout, weights
from tests.network.test_convert import official_checkpoint


class Mirror(BaseHTTPRequestHandler):
    """/right, /wrong, /cut, /silent: what a mirror may send; /to-http and /to-right redirect."""

    checkpoint = b""

    def do_GET(self) -> None:
        if self.path.startswith("/to-"):
            host = self.headers["Host"]
            self.send_response(302)
            to = f"http://{host}/right" if self.path == "/to-http" else f"https://{host}/right"
            self.send_header("Location", to)
            self.end_headers()
            return
        body = {"/right": self.checkpoint, "/cut": self.checkpoint, "/wrong": b"x" * 1000}.get(
            self.path
        )
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write((body or b"")[: 5000 if self.path == "/cut" else None])

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def address(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a mirror that has an official checkpoint, as made for the test."""
    path = tmp_path_factory.mktemp("mirror") / "a.ckpt"
    torch.save(official_checkpoint(), path)
    Mirror.checkpoint = path.read_bytes()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = ThreadingHTTPServer(("localhost", 0), Mirror)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> Path:
    """Where the weights are kept, with the test's checkpoint as the official one."""
    assert address
    path = tmp_path / "cache" / "modnet_webcam.safetensors"
    monkeypatch.setattr(weights, "pulled_path", lambda _name: path)
    sha256 = hashlib.sha256(Mirror.checkpoint).hexdigest()
    monkeypatch.setattr(weights, "CHECKPOINT_SHA256", {"webcam": sha256})
    return path


@pytest.fixture
def pull(
    monkeypatch: pytest.MonkeyPatch, address: str, trusting: ssl.SSLContext
) -> Callable[..., Path]:
    """Pull from these paths of the mirror, in turn."""

    def pull_from(
        *paths: str,
        progress: download.Progress = lambda *_: None,
        context: ssl.SSLContext | None = trusting,
    ) -> Path:
        mirrors = tuple(f"{address}{path}" for path in paths)
        monkeypatch.setattr(download, "MIRRORS", {"webcam": mirrors})
        return download.pull("webcam", progress, context)

    return pull_from


def test_it_is_downloaded_checked_converted_and_kept(pull: Callable[..., Path], kept: Path) -> None:
    told: list[tuple[int, int | None]] = []
    made = pull("/right", progress=lambda *progress: told.append(progress))
    assert made == kept
    assert [each.name for each in kept.parent.iterdir()] == [kept.name]
    assert weights.find("webcam") == kept
    assert weights.read(kept).keys() == layout.SHAPES.keys()
    total = len(Mirror.checkpoint)
    assert told[-1] == (total, total)
    assert len(told) > 10


def test_what_is_there_and_sound_is_not_downloaded_again(
    pull: Callable[..., Path], kept: Path
) -> None:
    pull("/right")
    assert pull("/missing") == kept
    kept.write_bytes(kept.read_bytes()[:1000])
    assert pull("/right") == kept
    weights.read(kept)


@pytest.mark.parametrize("path", ["/wrong", "/cut", "/missing", "/to-http"])
def test_a_bad_mirror_is_passed_over(pull: Callable[..., Path], kept: Path, path: str) -> None:
    assert pull(path, "/to-right") == kept


def test_every_reason_is_told_and_nothing_is_kept(pull: Callable[..., Path], kept: Path) -> None:
    with pytest.raises(WeightsError) as raised:
        pull("/wrong", "/cut", "/missing", "/to-http")
    for reason in ("a different file", "ended after 5,000 of", "HTTP 404", "away from https"):
        assert reason in raised.value.problem
    assert list(kept.parent.iterdir()) == []


def test_a_mirror_that_nobody_vouches_for_is_not_trusted(
    pull: Callable[..., Path], kept: Path
) -> None:
    with pytest.raises(WeightsError, match="certificate verify failed"):
        pull("/right", context=None)
    assert not kept.exists()


def test_a_cache_that_cannot_be_written_is_named(pull: Callable[..., Path], kept: Path) -> None:
    kept.parent.write_text("in the way")
    with pytest.raises(WeightsError, match="cannot be stored in"):
        pull("/right")


def test_the_mirrors_are_https_and_their_hashes_are_pinned() -> None:
    for name, addresses in download.MIRRORS.items():
        assert name in weights.CHECKPOINT_SHA256
        assert all(each.startswith("https://") for each in addresses)


def test_unknown_weights_are_named() -> None:
    with pytest.raises(WeightsError, match="nobody"):
        download.pull("nobody", lambda *_: None)
