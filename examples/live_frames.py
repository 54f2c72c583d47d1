"""You in front of another background, in a program of your own: an OpenCV loop.

    python examples/live_frames.py          # the first camera
    python examples/live_frames.py me.mp4   # a video

Shows it in a window until q is pressed or the video ends.
"""

from __future__ import annotations

import sys

import cv2

from livematte import Live, MatteError


def main(source: int | str) -> None:
    """Show what `source`, the number of a camera or a file, gives."""
    capture = cv2.VideoCapture(source)
    size = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    with Live(size=size, background="blur") as live:
        while True:
            is_read, frame = capture.read()
            if not is_read or cv2.pollKey() == ord("q"):
                break
            try:
                picture = live.process(frame)
            except MatteError:
                continue  # the last picture stays; the frame itself would show the room
            cv2.imshow("me", picture.image)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else 0)
