import asyncio

import pytest

from tests.serving.live import put
from vaefeat.exceptions import InvalidModelError
from vaefeat.serving import service as module
from vaefeat.serving.errors import ClosedError
from vaefeat.serving.service import Service, ServiceSettings


@pytest.fixture
def service(folder):
    return Service.open(folder, ServiceSettings(token="secret", poll_seconds=0.01))


def test_an_opened_service_is_live_and_ready(service):
    assert service.is_live
    assert service.is_ready
    assert [served.name for served in service.repository.models] == ["linear"]


def test_a_folder_without_models_is_refused(tmp_path):
    with pytest.raises(InvalidModelError, match=r"expected NAME/model\.onnx or NAME/VERSION/model\.onnx\.$"):
        Service.open(tmp_path, ServiceSettings())


def test_the_error_says_why_the_only_model_was_refused(tmp_path):
    put(tmp_path, factor=0)
    with pytest.raises(InvalidModelError, match="linear: The file is not an ONNX model"):
        Service.open(tmp_path, ServiceSettings())


@pytest.mark.parametrize(
    "shown", [b"", b"secret", b"Bearer", b"Bearer secret2", "Bearer s\u00e9cret".encode()]
)
def test_only_the_token_is_authorized(service, shown):
    assert not service.is_authorized(shown)
    assert service.is_authorized(b"Bearer secret")


def test_without_a_token_everybody_is_authorized(folder):
    assert Service.open(folder, ServiceSettings()).is_authorized(b"")


def test_draining_closes_the_service_and_waits_for_open_requests(service, monkeypatch):
    monkeypatch.setattr(module, "CLOSED_SECONDS", 0.0)

    async def main():
        service.n_open = 1
        draining = asyncio.create_task(service.drain())
        await asyncio.sleep(0.05)
        assert not draining.done()
        service.n_open = 0
        await asyncio.wait_for(draining, 10)

    service.check_open()
    asyncio.run(main())
    with pytest.raises(ClosedError, match="shutting down"):
        service.check_open()


def test_requests_that_never_end_are_not_waited_for(service, monkeypatch):
    monkeypatch.setattr(module, "FINISH_SECONDS", 0.05)
    service.n_open = 1
    asyncio.run(asyncio.wait_for(service.drain(), 10))
    assert service.is_closed


def test_watching_takes_up_a_new_version(service, folder):
    async def main():
        watching = asyncio.create_task(service.watch())
        put(folder, factor=2.0, version="2")
        while service.repository.versions("linear") != ["1", "2"]:
            await asyncio.sleep(0.01)
        watching.cancel()

    asyncio.run(asyncio.wait_for(main(), 10))
