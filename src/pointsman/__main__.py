"""`python -m pointsman`."""

from __future__ import annotations

from .cli import main

__all__: list[str] = []

main()
