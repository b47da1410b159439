"""Make the pictures of the pages in docs/images anew: `python scripts/screenshots.py`.

A server with a made-up month of traffic, and Debian's Chromium (`apt-get install chromium`) in front of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Browser, async_playwright

from pointsman.testing import running

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.demo import MODELS, fill  # noqa: E402 - found by the line above

KEY = "a-key-for-pictures"
PICTURES = (
    ("overview", "overview?span=7d", "light"),
    ("leaderboard", "leaderboard?window=30d&task=programming", "light"),
    ("providers", "providers?window=7d", "light"),
    ("logs", "logs", "light"),
    ("prices", "prices", "light"),
    ("playground", "playground", "light"),
    ("overview-dark", "overview?span=30d&measure=tokens&by=provider", "dark"),
)
SIZE = {"width": 1280, "height": 860}


def config(folder: Path) -> str:
    """The models of that month, answered by echo."""
    models = "\n".join(
        f"  {name}: {{endpoints: [{{endpoint: echo/{name.partition('/')[2]}, "
        f"price: {{input: {given / 1000}, output: {taken / 1000}}}}}]}}"
        for name, (_, given, taken, _) in MODELS.items()
    )
    hash = hashlib.sha256(KEY.encode()).hexdigest()
    return f"""
auth: keys
ledger: sqlite:///{folder}/pointsman.db
keys: [{{name: root, key_hash: {hash}, role: admin}}]
models:
{models}
"""


async def take(browser: Browser, url: str, name: str, path: str, scheme: str) -> None:
    """One picture."""
    context = await browser.new_context(viewport=SIZE, color_scheme=scheme)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(f"{url}/dashboard")
    await page.fill("#key", KEY)
    await page.click("button")
    await page.goto(f"{url}/dashboard/{path}")
    if name == "playground":
        await page.fill("#p-prompt", "Explain what a pointsman does, in one sentence.")
        await page.click("text=Ask both")
        await page.locator("#votes").wait_for(state="visible")
    await page.screenshot(path=ROOT / "docs" / "images" / f"{name}.png")
    await context.close()
    print(f"docs/images/{name}.png")


async def main() -> None:
    """All of them."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("there is no chromium: apt-get install chromium")
    (ROOT / "docs" / "images").mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        await fill(f"sqlite:///{folder}/pointsman.db", Path(folder))
        async with running(config(Path(folder))) as served, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for picture in PICTURES:
                await take(browser, served.url, *picture)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
