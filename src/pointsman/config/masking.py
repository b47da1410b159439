"""Masking: what looks like a secret is not printed, wherever it stands.

Places that are declared as secrets are masked by their place. This is the second net, for lines shown before
anything is known about them: a file that does not parse, a misspelt key.
"""

from __future__ import annotations

import re

__all__ = ["looks_secret", "mask_shapes", "mask_text", "mask_url"]

NAME = r"[\w.-]*(?:api[_-]?keys?|[_-]key|secret\w*|password|passwd|authorization|credentials?|token)"
SECRET_NAME = re.compile(NAME, re.IGNORECASE)
NAMED = re.compile(rf"""(?<![\w.-]){NAME}["']?\s*:\s+""", re.IGNORECASE)
QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?""")
PLAIN_END = re.compile(r"\s#|$")
FLOW_END = re.compile(r"[,}\]]|\s#|$")
KEY_LIKE = re.compile(
    r"(?<![\w-])(?:(?:sk|pk|rk|pm)-[\w-]{8,}|(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*[0-9])[\w-]{20,})"
)
USER_INFO = re.compile(r"(?<=://)([^\s/@:]*):([^\s/@]+)@")
INTERPOLATION = re.compile(r"\$\{[^{}]*\}")


def looks_secret(name: str) -> bool:
    """Whether a key or header of that name holds a secret."""
    return SECRET_NAME.fullmatch(name) is not None


def mask_url(text: str) -> str:
    """A text without the passwords of URLs in it."""
    return USER_INFO.sub(lambda match: f"{match[1]}:{_stars(match[2])}@", text)


def mask_shapes(text: str) -> str:
    """A text without what has the shape of a key, or of a password in a URL."""
    return mask_url(KEY_LIKE.sub(lambda match: _stars(match[0]), text))


def mask_text(line: str) -> str:
    """A source line of the same length, with everything that looks like a secret starred out."""
    shown, start = "", 0
    while match := NAMED.search(line, start):
        end = _value_end(line, match.end())
        shown += line[start : match.end()] + _mask_value(line[match.end() : end])
        start = end
    return mask_shapes(shown + line[start:])


def _value_end(line: str, begin: int) -> int:
    """Where the value that begins there ends: a list is taken to the end of the line."""
    blank = INTERPOLATION.sub(lambda match: "_" * len(match[0]), line)
    if blank[begin : begin + 1] in ("{", "|", ">", "#"):
        return begin
    if blank[begin : begin + 1] == "[":
        return len(line)
    if quoted := QUOTED.match(blank, begin):
        return quoted.end()
    end = (FLOW_END if "{" in blank[:begin] else PLAIN_END).search(blank, begin)
    return end.start() if end else len(line)


def _mask_value(value: str) -> str:
    """Star out a value but not `${…}`, though its default."""
    if value.rstrip() in ("null", "~", "true", "false"):
        return value
    kept, start = [], 0
    for match in INTERPOLATION.finditer(value):
        shown = match[0] if ":-" not in match[0] else _mask_default(match[0])
        kept += [_stars(value[start : match.start()]), shown]
        start = match.end()
    return "".join([*kept, _stars(value[start:])])


def _mask_default(text: str) -> str:
    name, _, default = text[:-1].partition(":-")
    return f"{name}:-{'*' * len(default)}}}"


def _stars(text: str) -> str:
    return re.sub(r"[^\s\"'\[\],]", "*", text)
