"""Debian's Chromium in front of a server with traffic: what a page does is what a person would see.

It is looked for under its usual names. Where there is none these tests skip, and fail under
POINTSMAN_REQUIRE=all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pointsman.testing import Running, running

from .demo import fill

KEY = "the-key-of-root"
CONFIG = """
auth: keys
ledger: sqlite:///{folder}/pointsman.db
keys: [{{name: root, key_hash: {hash}, role: admin}}]
models:
  acme/large: {{endpoints: [{{endpoint: echo/echo, price: {{input: 3, output: 15}}}}]}}
  acme/small: {{endpoints: [{{endpoint: echo/echo, price: {{input: 0.1, output: 0.4}}}}]}}
  acme/nightly:
    endpoints:
      - endpoint: echo/echo
        price: {{input: 1, output: 2, windows: [{{time: "22:00-06:00 UTC", input: 0.5, output: 1}}]}}
"""
ARGUMENTS = (
    *("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
)
"""Nothing that it does by itself leaves this machine."""


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where it is."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        if os.environ.get("POINTSMAN_REQUIRE") == "all":
            pytest.fail("there is no chromium: apt-get install chromium")
        pytest.skip("there is no chromium: apt-get install chromium")
    return found


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    """A server with a small month of traffic in its ledger."""
    await fill(f"sqlite:///{tmp_path}/pointsman.db", tmp_path, rows=600)
    hash = hashlib.sha256(KEY.encode()).hexdigest()
    async with running(CONFIG.format(folder=tmp_path, hash=hash)) as server:
        yield server


class Visit:
    """A page in the browser, and what went wrong on it."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.wrong: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", self._asked)
        page.on("request", self._requested)
        page.on("response", self._answered)
        self.questions: list[str] = []

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    async def _asked(self, dialog: Any) -> None:
        self.questions.append(dialog.message)
        await dialog.accept()

    def _requested(self, request: Any) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc:
            self.wrong.append(f"asked another host: {request.url}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.status} at {response.url}")

    async def sign_in(self) -> None:
        await self.page.goto(f"{self.url}/dashboard")
        await self.page.fill("#key", KEY)
        await self.page.click("button")
        await self.page.wait_for_url("**/overview")

    async def go(self, path: str) -> Any:
        return await self.page.goto(f"{self.url}/dashboard/{path}")


Visiting = Callable[..., AbstractAsyncContextManager[Visit]]


@pytest.fixture
def visiting(chromium: str, served: Running) -> Visiting:
    """Opens the browser, signed in; whatever went wrong on a page fails the test."""
    from playwright.async_api import async_playwright

    @asynccontextmanager
    async def visit(*, width: int = 1280, scheme: Any = "light") -> AsyncIterator[Visit]:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
            try:
                size: Any = {"width": width, "height": 800}
                context = await browser.new_context(viewport=size, color_scheme=scheme)
                made = Visit(await context.new_page(), served.url)
                await made.sign_in()
                yield made
                assert made.wrong == []
            finally:
                await browser.close()

    return visit
