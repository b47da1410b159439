"""Log lines: one record, one line, whatever is in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from pointsman.config import LogSettings
from pointsman.logs import JsonFormatter, TextFormatter, configure
from pointsman.secrets import Secret


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    yield
    root.handlers[:], root.level = before[0], before[1]
    root.setLevel(before[1])


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("some.logger", logging.WARNING, "f.py", 1, message, args, None)
    made.__dict__.update(extra)
    return made


INJECTION = "a\r\nb\x1b[31m\u2028c\x00"


def test_a_json_line_is_one_line_and_one_object() -> None:
    line = JsonFormatter().format(record("%s from %s", INJECTION, Secret("sk-x"), request_id="req-1"))
    assert "\n" not in line
    assert "\r" not in line
    row = json.loads(line)
    assert row["message"].startswith(INJECTION)
    assert (row["level"], row["logger"], row["request_id"]) == ("warning", "some.logger", "req-1")
    assert row["at"].endswith("Z")
    assert "sk-x" not in line


def test_a_text_line_cannot_be_broken_out_of() -> None:
    line = TextFormatter().format(record(INJECTION, request_id="req\n1"))
    assert line.isprintable()
    assert r"a\r\nb\x1b[31m\u2028c\x00" in line


def test_the_configured_level_and_format_apply() -> None:
    out = io.StringIO()
    configure(LogSettings(level="warning", format="auto"), out)
    logging.getLogger("x").info("quiet")
    logging.getLogger("x").warning("loud")
    (line,) = out.getvalue().splitlines()
    assert json.loads(line)["message"] == "loud", "auto is JSON where no terminal is"
    out = io.StringIO()
    configure(LogSettings(level="info", format="text"), out)
    logging.getLogger("x").info("hello")
    assert out.getvalue().endswith(" info    hello\n")


def test_a_traceback_is_part_of_its_record() -> None:
    out = io.StringIO()
    configure(LogSettings(format="json"), out)
    try:
        raise KeyError("k")
    except KeyError:
        logging.getLogger("x").exception("failed")
    (line,) = out.getvalue().splitlines()
    assert "KeyError: 'k'" in json.loads(line)["traceback"]
