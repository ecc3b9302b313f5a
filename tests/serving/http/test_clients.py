import asyncio

import pytest

from vaefeat.serving.http.clients import WATCH_AFTER, unless_gone
from vaefeat.serving.http.errors import ClientGoneError


async def stays():
    await asyncio.sleep(60)


async def goes():
    await asyncio.sleep(WATCH_AFTER)
    return {"type": "http.disconnect"}


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 5))


@pytest.mark.parametrize("receive", [stays, goes])
def test_a_short_wait_is_not_watched(receive):
    async def main():
        async with unless_gone(receive):
            await asyncio.sleep(0)
        await asyncio.sleep(3 * WATCH_AFTER)
        return "done"

    assert run(main()) == "done"


def test_a_long_wait_goes_on_while_the_client_is_connected():
    async def main():
        async with unless_gone(stays):
            await asyncio.sleep(3 * WATCH_AFTER)
        assert len(asyncio.all_tasks()) <= 3
        return "done"

    assert run(main()) == "done"


def test_a_wait_ends_when_the_client_disconnects():
    async def main():
        with pytest.raises(ClientGoneError):
            async with unless_gone(goes):
                await asyncio.sleep(60)
        assert asyncio.current_task().cancelling() == 0
        await asyncio.sleep(0)

    run(main())


def test_a_cancellation_from_elsewhere_is_kept():
    async def wait():
        async with unless_gone(stays):
            await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(wait())
        await asyncio.sleep(2 * WATCH_AFTER)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_an_error_in_the_block_is_raised():
    async def main():
        async with unless_gone(goes):
            raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        run(main())
