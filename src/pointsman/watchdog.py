"""The watchdog: says where the event loop is blocked.

A phase timer cannot cancel a hook that does not wait. A thread of the watchdog's own looks at a heartbeat of
the loop; when that stands still it writes down where the loop's thread is, which names the plugin's file.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import threading
import time
import traceback

__all__ = ["Watchdog"]

log = logging.getLogger(__name__)


class Watchdog:
    """Watches the running loop from `start` to `stop`. It may be blocked for `longest` seconds."""

    def __init__(self, *, longest: float = 1.0) -> None:
        self._longest = longest
        self._beat = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._watched = 0

    def start(self) -> None:
        """Begin. To be called on the loop that is watched."""
        self._watched = threading.get_ident()
        self._tick()
        self._thread = threading.Thread(target=self._watch, name="pointsman-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the thread."""
        self._stopped.set()
        self._beat = math.inf  # a loop that has ended is not blocked
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            self._thread.join()

    def _tick(self) -> None:
        self._beat = time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(self._longest / 4, self._tick)

    def _watch(self) -> None:
        told = 0.0
        while not self._stopped.wait(self._longest / 4):
            beat = self._beat
            blocked = time.monotonic() - beat
            if blocked > self._longest and beat != told:
                told = beat
                log.error("the event loop is blocked for %.1f s, at %s", blocked, self._place())

    def _place(self) -> str:
        """Where the loop's thread is: the calls that lead there, innermost first."""
        frame = sys._current_frames().get(self._watched)
        calls = traceback.extract_stack(frame) if frame is not None else []
        return " < ".join(f"{call.filename}:{call.lineno} {call.name}" for call in reversed(calls[-6:]))
