"""Labelled prompts of an operator's own: JSON lines of a prompt and its task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

from pointsman.errors import StartupError
from pointsman.types import Request

from .generate import Example
from .names import Task
from .prompt import Prompt, prompt_of

__all__ = ["labelled", "prompt_in"]

HELD = 5
"""One in so many is kept out of training, to judge by."""


def labelled(path: Path) -> list[Example]:
    """The examples of a file, one a line: `{"prompt": …, "task": …}`, the prompt a text or a request's body.

    Every fifth is to be kept out of training. Raises StartupError with the line.
    """
    try:
        return list(_examples(path))
    except OSError as error:
        raise StartupError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise StartupError(f"{path} is not UTF-8") from None


def _examples(path: Path) -> Iterator[Example]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                prompt, task = prompt_in(row["prompt"]), Task.parse(str(row["task"]))
            except KeyError as error:
                raise StartupError(f"{path}:{number}: {error} is missing") from None
            except (ValueError, TypeError) as error:
                what = "not a JSON object" if not isinstance(error, ValueError) else str(error)
                raise StartupError(f"{path}:{number}: {what}") from None
            yield Example(str(task), prompt, held=crc32(prompt.last.encode()) % HELD == 0)


def prompt_in(given: Any) -> Prompt:
    """A prompt from its text, or the body of a request in any dialect. Raises ValueError."""
    if isinstance(given, str):
        return Prompt(given)
    if isinstance(given, dict):
        return prompt_of(Request.of(given))
    raise ValueError("a prompt is a text, or the body of a request")
