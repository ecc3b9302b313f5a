import asyncio

import numpy as np
import pytest

from tests.serving.live import MODEL, as_json, put, row
from vaefeat.runtime import OnnxModel
from vaefeat.serving.http.heads import Head
from vaefeat.serving.http.inference import Infer
from vaefeat.serving.service import Service, ServiceSettings

HEAD = Head("linear", None, None, False)


@pytest.fixture
def service(tmp_path):
    put(tmp_path)
    service = Service.open(tmp_path, ServiceSettings())
    yield service
    service.repository.find("linear").batcher.close()


def answers(service, bodies, head=HEAD):
    """Start requests in one round of the event loop; return which were started, and all responses."""

    async def main():
        responses = []
        started = [Infer(service).start(head, body, responses.append) for body in bodies]
        assert not responses
        assert service.n_open == sum(started)
        await asyncio.sleep(0.05)
        assert service.n_open == 0
        return started, responses

    return asyncio.run(main())


def test_requests_of_one_round_are_answered_in_their_order(service):
    started, responses = answers(service, [as_json(row(k)) for k in range(3)])
    assert started == [True] * 3
    for k, response in enumerate(responses):
        assert response.status == 200
        first, *_ = MODEL.run(row(k))["Y"].ravel()
        assert f'"data":[{np.float64(first)!s},'.encode() in response.to_bytes()
    assert b'vaefeat_requests_total{model="linear",status="200"} 3.0' in service.metrics.exposition()


@pytest.mark.parametrize(
    "body", [b"{", as_json(row(np.inf)), as_json(np.zeros((33, 4))), as_json(np.zeros((1, 5)))]
)
def test_what_is_refused_or_takes_a_while_is_left_to_the_application(service, body):
    assert answers(service, [body]) == ([False], [])
    assert b"vaefeat_requests_total{" not in service.metrics.exposition()


def test_a_closed_service_and_an_unknown_model_start_nothing(service):
    body = as_json(row())
    assert answers(service, [body], HEAD._replace(name="nothing")) == ([False], [])
    service.is_closed = True
    assert answers(service, [body]) == ([False], [])


def test_a_failure_of_the_model_is_answered_and_counted(service, monkeypatch):
    def fail(*args, **options):
        raise RuntimeError("a secret of the model")

    monkeypatch.setattr(OnnxModel, "run", fail)
    _, (response,) = answers(service, [as_json(row())])
    assert response.to_bytes().startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert response.content == b'{"error":"The model fails on this request."}'
    assert b'vaefeat_errors_total{model="linear",reason="failed"} 1.0' in service.metrics.exposition()
