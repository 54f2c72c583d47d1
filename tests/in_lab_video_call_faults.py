"""A video call whose parts fail one after the other, on the kernel's own devices.

Run in the lab by `test_video_call_faults.py`, which says what the pictures must be: here things are
broken and mended, and everything that a reader of the virtual camera got is written down with its
time. Arguments: the folder to write to, and the clip as raw frames of 4:2:0 video.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from livematte.linux import v4l2, v4l2loopback

CAMERA: Final = "/dev/video-cam"
FEED: Final = "/dev/video-feed"
OUT: Final = "/dev/video-out"
DRIVER: Final = Path("/sys/bus/platform/drivers/vivid")
WIDTH, HEIGHT, RATE = 640, 360, 15
FRAME_BYTES: Final = WIDTH * HEIGHT * 3 // 2
PATIENCE_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.01
PIPE_BYTES: Final = 1 << 20
FROZEN_SECONDS: Final = 3.0
GONE_SECONDS: Final = 2.0
IDLE_SECONDS: Final = 10.0
LONG_GONE_SECONDS: Final = 4.0
"""After this livematte has closed the device, and looks for it."""

WATCHED_SECONDS: Final = 4.0
"""How long it is watched what follows after a fault's end."""

FRAMES = ["-f", "rawvideo", "-pix_fmt", "yuv420p"]
FEEDING = ["ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", *FRAMES]
FEEDING += ["-s", f"{WIDTH}x{HEIGHT}", "-framerate", str(RATE), "-i"]
# Beside it, a line for each frame, so that it is known when it could be had.
FEED_AND_TELL = ["-f", "v4l2", FEED, "-c", "copy", "-flush_packets", "1"]
FEED_AND_TELL += ["-f", "framecrc", "-"]
LEAKING: Final = ["ffmpeg", "-v", "error", "-f", "v4l2", "-i", FEED, "-f", "v4l2", OUT]
READING = ["ffmpeg", "-v", "error", "-fflags", "nobuffer", "-probesize", "32", "-f", "v4l2"]
READING += ["-i", OUT, "-fps_mode", "passthrough", *FRAMES, "-"]


class Tape:
    """Pictures with their times: each plane at half the size, so that all three are alike."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self.seconds: list[float] = []

    def add(self, seconds: float, frame: bytes) -> None:
        luma = np.frombuffer(frame, np.uint8, WIDTH * HEIGHT).reshape(HEIGHT, WIDTH)
        self._file.write(luma[::2, ::2].tobytes())
        self._file.write(frame[WIDTH * HEIGHT :])
        self.seconds.append(seconds)

    def close(self) -> None:
        self._file.close()


class Reader:
    """A program that watches the virtual camera."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self.started_seconds = time.monotonic()
        self._program = subprocess.Popen(READING, stdout=subprocess.PIPE)
        fcntl.fcntl(self._stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        wait_until(lambda: holds(self._program.pid, OUT))
        self.open_seconds = time.monotonic()

    @property
    def _stdout(self) -> Any:
        return self._program.stdout

    def _read(self) -> None:
        while len(frame := self._stdout.read(FRAME_BYTES)) == FRAME_BYTES:
            self._tape.add(time.monotonic(), frame)

    def close(self) -> None:
        end(self._program)
        self._thread.join()


class Run:
    """One livematte, what its reader saw, and what was done to it meanwhile."""

    def __init__(self, folder: Path, name: str, camera: str, *options: str) -> None:
        self.name, self.folder = name, folder
        self.tape = Tape(folder / f"{name}.seen")
        self.faults: list[dict[str, Any]] = []
        self.figures: dict[str, Any] = {}
        self.fed: list[tuple[float, int]] = []
        self._said = folder / f"{name}.said"
        asked = ["--camera", camera, "--size", f"{WIDTH}x{HEIGHT}", "--no-preview"]
        asked += ["--virtual-camera", OUT, "-b", "#204060", "--matte-size", "224", *options]
        with self._said.open("w") as said:
            self.program = subprocess.Popen(
                [sys.executable, "-m", "livematte", *asked], stderr=said
            )
        wait_until(lambda: can_be_read(OUT))
        self.reader: Reader | None = None

    def watch(self) -> None:
        self.reader = Reader(self.tape)

    def leave(self) -> None:
        assert self.reader is not None
        self.reader.close()

    def wait_until_ready(self) -> None:
        wait_until(lambda: "→" in self._said.read_text())

    @contextmanager
    def fault(
        self, name: str, is_back: Callable[[], object] = lambda: True
    ) -> Iterator[dict[str, Any]]:
        """Inject a fault and undo it in the block; then it is watched until all is well again.

        is_back: whether the device can be used again; when it could, the block may note as "back".
        The block notes as "blind" until when nobody could have seen or sent anything.
        """
        note: dict[str, Any] = {"name": name, "injected": time.monotonic()}
        yield note
        wait_until(is_back)
        note.setdefault("back", time.monotonic())
        time.sleep(WATCHED_SECONDS)
        note["ended"] = time.monotonic()
        self.faults.append(note)

    def close(self) -> None:
        alive = self.program.poll() is None
        self.program.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self.program.wait(10)
        time.sleep(0.3)
        if self.reader is not None:
            self.reader.close()
        code = self.program.poll()
        end(self.program)
        self.tape.close()
        found = {
            "faults": self.faults,
            "figures": self.figures,
            "fed": self.fed,
            "seconds": self.tape.seconds,
            "alive": alive,
            "code": code,
            "said": self._said.read_text(),
        }
        (self.folder / f"{self.name}.json").write_text(json.dumps(found))
        if code != 0:
            print(self.name, "ended with", code, found["said"])


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(POLL_SECONDS)


def can_be_read(device: str) -> bool:
    with suppress(OSError), v4l2.opened(device) as descriptor:
        return v4l2.capabilities(descriptor).gives_pictures
    return False


def holds(process: int, device: str) -> bool:
    path = os.path.realpath(device)
    with suppress(OSError):
        return any(os.path.realpath(each) == path for each in Path(f"/proc/{process}/fd").iterdir())
    return False


def end(program: subprocess.Popen[bytes]) -> None:
    program.kill()
    program.wait()


def control(name: str, value: int) -> None:
    subprocess.run(["v4l2-ctl", "-d", CAMERA, "-c", f"{name}={value}"], check=True)


class Feeder:
    """Plays the clip over and over into the device that livematte has as its camera.

    fed: when each frame could be had, and its number from the last start on.
    """

    def __init__(self, clip: str) -> None:
        self._clip = clip
        self.fed: list[tuple[float, int]] = []
        self.start()

    def start(self) -> None:
        # Or nobody can feed it again, see there; what the driver allows, it settles when asked.
        v4l2loopback.release(FEED)
        can_be_read(FEED)
        command = [*FEEDING, self._clip, *FEED_AND_TELL]
        self.program = subprocess.Popen(command, stdout=subprocess.PIPE)
        self._thread = threading.Thread(target=self._listen, args=(self.program.stdout,))
        self._thread.start()

    def _listen(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            if not line.startswith(b"#"):
                self.fed.append((time.monotonic(), int(line.split(b",")[2])))

    def close(self) -> None:
        end(self.program)
        self._thread.join()

    def gives_pictures(self) -> bool:
        return holds(self.program.pid, FEED) and can_be_read(FEED)


def call_with_a_clip(folder: Path, clip: str) -> None:
    with ExitStack() as closing:
        feeder = Feeder(clip)
        closing.callback(feeder.close)
        wait_until(feeder.gives_pictures)
        run = Run(folder, "clip", FEED, "--no-on-demand")
        closing.callback(run.close)
        run.fed = feeder.fed
        run.watch()
        run.wait_until_ready()
        time.sleep(2)
        with run.fault("none"):
            """Nothing happens."""
        for name, seconds in (("briefly", 1.0), ("for long", LONG_GONE_SECONDS)):
            with run.fault(f"feeder killed {name}", feeder.gives_pictures):
                feeder.close()
                time.sleep(seconds)
                feeder.start()
        with run.fault("feeder frozen"):
            feeder.program.send_signal(signal.SIGSTOP)
            time.sleep(FROZEN_SECONDS)
            feeder.program.send_signal(signal.SIGCONT)
        with run.fault("reader killed") as note:
            run.leave()
            time.sleep(GONE_SECONDS)
            run.watch()
            assert run.reader is not None
            note["back"] = note["blind"] = run.reader.open_seconds
        with run.fault("livematte frozen") as note:
            run.program.send_signal(signal.SIGSTOP)
            time.sleep(FROZEN_SECONDS)
            run.program.send_signal(signal.SIGCONT)
            note["blind"] = time.monotonic()


def leak(folder: Path, clip: str) -> None:
    """The camera as it is, shown by the virtual camera for a moment."""
    with ExitStack() as closing:
        feeder = Feeder(clip)
        closing.callback(feeder.close)
        wait_until(feeder.gives_pictures)
        v4l2loopback.release(OUT)
        can_be_read(OUT)
        closing.callback(end, subprocess.Popen(LEAKING))
        wait_until(lambda: can_be_read(OUT))
        tape = Tape(folder / "leak.seen")
        reader = Reader(tape)
        time.sleep(1)
        reader.close()
        tape.close()
    (folder / "leak.json").write_text(json.dumps(tape.seconds))


def call_with_a_camera(folder: Path) -> None:
    def make_red() -> None:
        """What the camera sees is a plain colour; a pattern could be taken for somebody."""
        subprocess.run(
            [*("v4l2-ctl", "-d", CAMERA, "-c", "test_pattern=7,osd_text_mode=2")], check=True
        )

    def can_be_opened() -> bool:
        with suppress(OSError):
            os.close(os.open(CAMERA, os.O_RDWR | os.O_NONBLOCK))
            return True
        return False

    make_red()
    with ExitStack() as closing:
        run = Run(folder, "camera", CAMERA, "--no-on-demand")
        closing.callback(run.close)
        run.watch()
        run.wait_until_ready()
        time.sleep(2)
        with run.fault("30 % dropped"):
            control("percentage_of_dropped_buffers", 30)
            time.sleep(3)
            control("percentage_of_dropped_buffers", 0)
        with run.fault("corrupted buffers"):
            for _ in range(6):
                control("inject_v4l2_buf_flag_error", 1)
                time.sleep(0.2)
        with run.fault("fatal streaming error"):
            control("inject_fatal_streaming_error", 1)
        # The driver plugs itself in again when the last who had it open has closed it.
        with run.fault("plug pulled", can_be_opened):
            control("disconnect", 1)
        with run.fault("plug pulled, another number"):
            number = os.path.realpath(CAMERA)
            held = os.open(number, os.O_RDWR)  # keeps the number from being given again
            (DRIVER / "unbind").write_text("vivid.0")
            time.sleep(GONE_SECONDS)
            (DRIVER / "bind").write_text("vivid.0")
            (moved,) = (
                path
                for path in v4l2.paths()
                if path not in (os.path.realpath(FEED), os.path.realpath(OUT))
            )
            run.figures["moved"] = [number, moved]
            os.unlink(CAMERA)
            os.symlink(moved, CAMERA)
            make_red()
            os.close(held)


def call_on_demand(folder: Path, clip: str) -> None:
    with ExitStack() as closing:
        feeder = Feeder(clip)
        closing.callback(feeder.close)
        wait_until(feeder.gives_pictures)
        run = Run(folder, "demand", FEED)
        closing.callback(run.close)
        run.fed = feeder.fed
        run.wait_until_ready()
        ready = time.monotonic()
        wait_until(lambda: not holds(run.program.pid, FEED))
        run.figures["released after, s"] = time.monotonic() - ready
        time.sleep(1)  # what was under way ends
        # What else runs on this computer can only add to it.
        shares: list[float] = []
        run.figures["idle, % of a core, each time"] = shares
        while not shares or (min(shares) > 1.5 and len(shares) < 3):
            used = cpu_seconds(run.program.pid)
            time.sleep(IDLE_SECONDS)
            shares.append(100 * (cpu_seconds(run.program.pid) - used) / IDLE_SECONDS)
        run.figures["held while idle"] = holds(run.program.pid, FEED)
        with run.fault("consumer comes") as note:
            run.watch()
            assert run.reader is not None
            note["injected"] = run.reader.started_seconds
            note["back"] = note["blind"] = run.reader.open_seconds
        run.leave()
        left = time.monotonic()
        wait_until(lambda: not holds(run.program.pid, FEED))
        run.figures["released again after, s"] = time.monotonic() - left
        with run.fault("consumer comes again") as note:
            run.watch()
            note["injected"] = run.reader.started_seconds
            note["back"] = note["blind"] = run.reader.open_seconds


def cpu_seconds(process: int) -> float:
    """What a process has used so far, in all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    folder, clip = Path(sys.argv[1]), sys.argv[2]
    for name in sys.argv[3:]:
        {
            "clip": lambda: call_with_a_clip(folder, clip),
            "camera": lambda: call_with_a_camera(folder),
            "leak": lambda: leak(folder, clip),
            "demand": lambda: call_on_demand(folder, clip),
        }[name]()


if __name__ == "__main__":
    main()
