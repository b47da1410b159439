"""RSS: a listing as a feed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.utils import formatdate
from html import escape

from .pages import PREFIX
from .rows import Row

__all__ = ["feed"]

UNSAYABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML may have."""


def feed(rows: Iterable[Row], base: str) -> str:
    """The feed of some models; `base` is the URL of this server, without a slash at its end."""
    items = "".join(_item(row, base) for row in rows)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel><title>Models</title>'
        f"<link>{_text(base + PREFIX)}/models</link>"
        f"<description>Models that this key may use</description>{items}</channel></rss>\n"
    )


def _item(row: Row, base: str) -> str:
    link = _text(f"{base}{PREFIX}/models/{row.name}/endpoints")
    date = f"<pubDate>{formatdate(row.created, usegmt=True)}</pubDate>" if row.created is not None else ""
    about = f"<description>{_text(row.description)}</description>" if row.description else ""
    return (
        f"<item><title>{_text(row.title)}</title><link>{link}</link>"
        f'<guid isPermaLink="false">{_text(row.name)}</guid>{date}{about}</item>'
    )


def _text(text: str) -> str:
    return escape(UNSAYABLE.sub("", text))
