"""Decision records: which are kept, and who may read them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from conftest import Serve  # noqa: F401
