"""What the pages have of the leaderboard."""

from __future__ import annotations

from .conftest import Serve, browser


async def test_without_the_leaderboard_its_page_says_so_and_others_do_without(serve: Serve) -> None:
    async with serve("plugins: {leaderboard: false}") as served, browser(served, "root") as root:
        refused = await root.get("leaderboard")
        assert refused.status_code == 503
        assert "the plugin leaderboard is not in use" in refused.text
        page = await root.get("providers")
        assert page.status_code == 200
        assert "No endpoint was tried in this time." in page.text
