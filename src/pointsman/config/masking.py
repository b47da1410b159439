"""Masking: what looks like a secret is not printed, wherever it stands.

Places that are declared as secrets are masked by their place. This is the second net, for lines shown before
anything is known about them: a file that does not parse, a misspelt key.
"""

from __future__ import annotations

import re

__all__ = ["looks_secret", "mask_text", "mask_url"]

NAME = r"[\w.-]*(?:api[_-]?keys?|[_-]key|secret\w*|password|passwd|authorization|credentials?|token)"
SECRET_NAME = re.compile(NAME, re.IGNORECASE)
VALUE = r"""\[[^\]]*\]?|"(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|[^\s#"'\[{|>&*](?:[^#]|(?<!\s)#)*"""
NAMED_VALUE = re.compile(rf"""(?P<key>(?<![\w.-]){NAME}["']?\s*:\s+)(?P<value>{VALUE})""", re.IGNORECASE)
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


def mask_text(line: str) -> str:
    """A source line of the same length, with everything that looks like a secret starred out."""
    line = NAMED_VALUE.sub(lambda match: match["key"] + _mask_value(match["value"], match.string), line)
    line = KEY_LIKE.sub(lambda match: _stars(match[0]), line)
    return mask_url(line)


def _mask_value(value: str, line: str) -> str:
    """Star out a value but not `${…}`, nor what follows it in the same flow collection."""
    if value[0] not in "\"'[" and "{" in line.replace("${", ""):
        value, rest = _split_flow(value)
        return _mask_value(value, "") + rest
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


def _split_flow(value: str) -> tuple[str, str]:
    end = re.search(r"[,}\]](?=[\s,}\]]|$)", INTERPOLATION.sub(lambda match: "_" * len(match[0]), value))
    return (value[: end.start()], value[end.start() :]) if end else (value, "")


def _stars(text: str) -> str:
    return re.sub(r"[^\s\"'\[\],]", "*", text)
