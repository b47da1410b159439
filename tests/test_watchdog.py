"""The watchdog names the place where the loop is blocked."""

from __future__ import annotations

import asyncio
import logging
import threading
import time

import pytest

from pointsman.watchdog import Watchdog


async def test_a_blocked_loop_is_told_once_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    told = threading.Event()

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.set()

    handler = Listening()
    logging.getLogger("pointsman.watchdog").addHandler(handler)
    watchdog = Watchdog(longest=0.05)
    watchdog.start()
    try:
        await asyncio.sleep(0)
        told.wait(10)  # blocks the loop until the watchdog has said so
    finally:
        watchdog.stop()
        logging.getLogger("pointsman.watchdog").removeHandler(handler)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "pointsman.watchdog"]
    assert "the event loop is blocked for" in line
    assert "test_watchdog.py" in line


async def test_a_loop_that_turns_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    watchdog = Watchdog(longest=5.0)
    watchdog.start()
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        await asyncio.sleep(0)
    watchdog.stop()
    assert caplog.records == []
    assert "pointsman-watchdog" not in {thread.name for thread in threading.enumerate()}
