"""pointsman: one proxy in front of every model provider.

What plugin authors need is here or in the modules `types`, `errors`, `providers`, `dialects`, `config`.
"""

from __future__ import annotations

from .markers import hookimpl

__all__ = ["__version__", "hookimpl"]

__version__ = "0.1.0"
