"""The gateway: what it begins at start, and what it keeps until the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pointsman.config import read_text
from pointsman.errors import ConfigError, PluginError, StartupError
from pointsman.gateway import Gateway
from pointsman.setup import Setup, assemble

USED = "plugins: {openai: {}, vendors: {}, routes: {}, echo: false}\n"


def setup(folder: Path, text: str, **env: str) -> Setup:
    return assemble(read_text(USED + text, name="proxy.yaml", env=env, base=folder), env=env)


async def test_what_is_shielded_ends_though_its_caller_is_cancelled(tmp_path: Path) -> None:
    gateway = Gateway(setup(tmp_path, ""))
    await gateway.start()
    go, ended = asyncio.Event(), asyncio.Event()

    async def observer() -> None:
        await go.wait()
        ended.set()

    caller = asyncio.ensure_future(gateway.shielded(observer()))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    stopping = asyncio.ensure_future(gateway.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    go.set()
    await stopping
    assert ended.is_set()


async def test_a_failed_start_leaves_the_ledger_free(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from pointsman import hookimpl\nPOINTSMAN_API = 1\n"
        "@hookimpl\ndef startup(gateway):\n    raise KeyError('x')\n"
    )
    text = "plugins: {./mine.py: {}, openai: {}, vendors: {}, routes: {}}"
    broken = Gateway(assemble(read_text(text, name="p", env={}, base=tmp_path), env={}))
    with pytest.raises(PluginError, match=r"plugin 'mine' \(.*mine\.py\) failed in hook startup: KeyError"):
        await broken.start()
    good = Gateway(setup(tmp_path, ""))
    await good.start()
    await good.stop()


async def test_two_servers_do_not_share_a_ledger(tmp_path: Path) -> None:
    first = Gateway(setup(tmp_path, ""))
    await first.start()
    try:
        with pytest.raises(StartupError, match="pid"):
            await Gateway(setup(tmp_path, "")).start()
    finally:
        await first.stop()


async def test_a_dry_gateway_writes_nothing(tmp_path: Path) -> None:
    async with Gateway.dry(setup(tmp_path, "")) as gateway:
        assert gateway.rehearsing
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [("state: redis://x", 2), ("ledger: postgresql://x", 2), ("upstream: {ca: nope.pem}", 2)],
)
def test_what_cannot_be_started_is_told_at_its_place(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(ConfigError) as caught:
        Gateway(setup(tmp_path, text))
    assert [problem.line for problem in caught.value.problems] == [line]


async def test_a_job_is_run_again_and_again_though_it_fails_until_the_gateway_stops(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = Gateway(setup(tmp_path, ""))
    await gateway.start()
    runs, often, cancelled = 0, asyncio.Event(), asyncio.Event()

    async def job() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ValueError("once")
        often.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    gateway.every(0.001, job)
    await often.wait()
    await gateway.stop()
    assert cancelled.is_set()
    assert runs == 2
    assert "job" in caplog.text
    assert "once" in caplog.text


async def test_a_job_may_be_run_at_once_and_then_each_interval(tmp_path: Path) -> None:
    gateway = Gateway(setup(tmp_path, ""))
    await gateway.start()
    assert not gateway.rehearsing
    runs, ran = [0], asyncio.Event()

    async def job() -> None:
        runs[0] += 1
        ran.set()

    gateway.every(3600, job, first=0)
    await ran.wait()
    await gateway.stop()
    assert runs == [1]


async def test_jobs_of_a_dry_gateway_end_with_it(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import asyncio\nfrom pointsman import hookimpl\nPOINTSMAN_API = 1\n"
        "async def job():\n    await asyncio.Event().wait()\n"
        "@hookimpl\ndef startup(gateway):\n    gateway.every(0.001, job)\n"
    )
    text = "plugins: {./mine.py: {}, openai: {}, vendors: {}, routes: {}}"
    before = asyncio.all_tasks()
    async with Gateway.dry(assemble(read_text(text, name="p", env={}, base=tmp_path), env={})):
        assert asyncio.all_tasks() != before
    assert asyncio.all_tasks() == before
