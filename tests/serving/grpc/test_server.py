"""The service over gRPC, in this process: what it answers, and what it keeps to."""

import asyncio
import gzip
import socket
from contextlib import asynccontextmanager

import grpc
import numpy as np
import pytest
from grpc import StatusCode
from numpy.testing import assert_array_equal

from tests.serving.live import MODEL, put, row
from vaefeat.runtime import OnnxModel
from vaefeat.serving.batching import BatchSettings
from vaefeat.serving.grpc import inference_pb2 as pb
from vaefeat.serving.grpc import reading, server
from vaefeat.serving.grpc.handlers import PROTOCOL
from vaefeat.serving.grpc.server import GrpcServer, GrpcSettings
from vaefeat.serving.service import Service, ServiceSettings

PREFIX = f"/{PROTOCOL.full_name}"


class Client:
    """Calls a service; ``client.ModelInfer(request)`` returns the response."""

    def __init__(self, address, service):
        self.channel = grpc.aio.insecure_channel(address, options=[("grpc.max_send_message_length", -1)])
        self.service = service

    def __getattr__(self, name):
        kind = getattr(pb, f"{name}Response")
        return self.channel.unary_unary(
            f"{PREFIX}/{name}",
            request_serializer=lambda message: (
                message if isinstance(message, bytes) else message.SerializeToString()
            ),
            response_deserializer=kind.FromString,
        )

    async def infer(self, X, **fields):
        X = np.asarray(X, np.float32)
        request = pb.ModelInferRequest(model_name="linear", raw_input_contents=[X.tobytes()])
        request.inputs.add(name="X", datatype="FP32", shape=X.shape)
        request.MergeFrom(pb.ModelInferRequest(**fields))
        return await self.ModelInfer(request, timeout=10)


def ask(folder, what, **settings):
    """Serve a folder; return what a coroutine gets that is given a client."""

    @asynccontextmanager
    async def serving():
        service = Service.open(folder, ServiceSettings(**settings))
        grpc_server = GrpcServer(service, GrpcSettings(port=0))
        address = await grpc_server.start()
        client = Client(address.removeprefix("grpc://"), service)
        yield client
        await client.channel.close()
        grpc_server.stop(at_once=True)
        await grpc_server.wait()

    async def main():
        async with asyncio.timeout(60), serving() as client:
            return await what(client)

    return asyncio.run(main())


def refusal(folder, what, **settings):
    """Return the status and the message of the error that a call ends with."""
    with pytest.raises(grpc.RpcError) as caught:
        ask(folder, what, **settings)
    return caught.value.code(), caught.value.details()


# --- the six calls ---


@pytest.mark.parametrize("X", [row(), np.arange(40).reshape(10, 4), np.zeros((0, 4))])
def test_inference_returns_the_outputs_of_the_model_as_raw_tensors(folder, X):
    answer = ask(folder, lambda client: client.infer(X, id="7"))
    assert (answer.model_name, answer.model_version, answer.id) == ("linear", "1", "7")
    expected = MODEL.run(X)
    assert [output.name for output in answer.outputs] == list(expected)
    for output, raw in zip(answer.outputs, answer.raw_output_contents, strict=True):
        Y = expected[output.name]
        assert output.datatype == "FP32"
        assert_array_equal(np.frombuffer(raw, np.float32).reshape(output.shape), Y)


def test_many_calls_at_once_get_each_its_own_answer(folder):
    async def crowd(client):
        return await asyncio.gather(*(client.infer(row(k)) for k in range(100)))

    for k, answer in enumerate(ask(folder, crowd)):
        assert answer.raw_output_contents[0] == MODEL.run(row(k))["Y"].tobytes()


def test_health_and_metadata_describe_the_service_and_the_model(folder):
    async def describe(client):
        assert (await client.ServerLive(pb.ServerLiveRequest())).live
        assert (await client.ServerReady(pb.ServerReadyRequest())).ready
        assert (await client.ModelReady(pb.ModelReadyRequest(name="linear", version="1"))).ready
        assert (await client.ServerMetadata(pb.ServerMetadataRequest())).name == "vaefeat"
        return await client.ModelMetadata(pb.ModelMetadataRequest(name="linear"))

    model = ask(folder, describe)
    assert (model.name, model.versions, model.platform) == ("linear", ["1"], "onnx_onnxv1")
    assert [(each.name, each.datatype, each.shape) for each in model.inputs] == [("X", "FP32", [-1, 4])]
    assert [(each.name, each.shape) for each in model.outputs] == [("Y", [-1, 3]), ("S", [-1])]
    assert model.properties["card"] == "{}"


def test_a_draining_service_is_not_ready_and_a_closed_one_refuses(folder):
    async def drain(client):
        client.service.is_draining = True
        assert not (await client.ServerReady(pb.ServerReadyRequest())).ready
        await client.infer(row())
        client.service.is_closed = True
        await client.infer(row())

    assert refusal(folder, drain) == (StatusCode.UNAVAILABLE, "The service is shutting down.")


# --- statistics and the repository ---


def test_statistics_count_what_was_run(folder):
    async def use(client):
        for n_rows in (2, 2, 5):
            await client.infer(np.zeros((n_rows, 4)))
        with pytest.raises(grpc.RpcError):
            await client.infer(np.zeros((1, 3)))
        return await client.ModelStatistics(pb.ModelStatisticsRequest(name="linear", version="1"))

    (stats,) = ask(folder, use).model_stats
    assert (stats.name, stats.version) == ("linear", "1")
    assert (stats.inference_count, stats.execution_count) == (9, 3)
    assert stats.last_inference > 0
    assert (stats.inference_stats.success.count, stats.inference_stats.fail.count) == (3, 1)
    assert stats.inference_stats.success.ns > stats.inference_stats.compute_infer.ns > 0
    assert [(each.batch_size, each.compute_infer.count) for each in stats.batch_stats] == [(2, 2), (5, 1)]


def test_a_model_can_be_unloaded_and_loaded_again(folder):
    async def use(client):
        await client.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name="linear"))
        index = await client.RepositoryIndex(pb.RepositoryIndexRequest())
        assert [(each.name, each.state, each.reason) for each in index.models] == [
            ("linear", "UNAVAILABLE", "unloaded")
        ]
        put(folder, factor=2.0)
        await client.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name="linear"))
        index = await client.RepositoryIndex(pb.RepositoryIndexRequest(ready=True))
        assert [(each.name, each.version, each.state) for each in index.models] == [("linear", "1", "READY")]
        return await client.infer(row())

    answer = ask(folder, use, allow_control=True)
    assert_array_equal(np.frombuffer(answer.raw_output_contents[0], np.float32), 2 * MODEL.run(row())["Y"][0])


def test_a_bad_model_is_refused_and_the_old_one_stays(folder):
    async def load(client):
        put(folder, factor=0)
        with pytest.raises(grpc.RpcError) as caught:
            await client.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name="linear"))
        await client.infer(row())
        return caught.value

    error = ask(folder, load, allow_control=True)
    assert error.code() == StatusCode.FAILED_PRECONDITION
    assert "Version 1 of linear is refused: The file is not an ONNX model" in error.details()


@pytest.mark.parametrize("verb", ["Load", "Unload"])
@pytest.mark.parametrize(
    ("settings", "parameters", "status"),
    [
        ({}, {}, StatusCode.PERMISSION_DENIED),
        ({"allow_control": True}, {}, StatusCode.NOT_FOUND),
        ({"allow_control": True}, {"config": {"string_param": "{}"}}, StatusCode.INVALID_ARGUMENT),
    ],
)
def test_control_is_refused_where_it_is_not_allowed_or_makes_no_sense(
    folder, verb, settings, parameters, status
):
    kind = getattr(pb, f"RepositoryModel{verb}Request")
    request = kind(
        model_name="nothing", parameters={k: pb.ModelRepositoryParameter(**v) for k, v in parameters.items()}
    )
    found, _ = refusal(folder, lambda client: getattr(client, f"RepositoryModel{verb}")(request), **settings)
    assert found == status


# --- refusals and limits ---


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        (pb.ModelInferRequest(model_name="nothing"), StatusCode.NOT_FOUND, "no such model"),
        (
            pb.ModelInferRequest(model_name="linear", model_version="2"),
            StatusCode.NOT_FOUND,
            "no such version",
        ),
        (pb.ModelInferRequest(model_name="linear"), StatusCode.INVALID_ARGUMENT, 'one input, "X"'),
        (b"\xff\xff", StatusCode.INVALID_ARGUMENT, "not a message of the type ModelInferRequest"),
        (bytes(server.MAX_MESSAGE_BYTES + 1), StatusCode.RESOURCE_EXHAUSTED, "larger than max"),
    ],
)
def test_a_bad_request_is_refused_with_a_sentence(folder, request_, status, message):
    found, details = refusal(folder, lambda client: client.ModelInfer(request_))
    assert found == status
    assert message in details


def test_rows_that_are_not_finite_are_refused(folder):
    status, message = refusal(folder, lambda client: client.infer(row(np.nan)))
    assert status == StatusCode.INVALID_ARGUMENT
    assert "X contains NaN or infinity: got nan in row 0, column 0" in message


def test_more_rows_than_allowed_are_refused(folder):
    batches = BatchSettings(max_request_rows=2)
    status, message = refusal(folder, lambda client: client.infer(np.zeros((3, 4))), batches=batches)
    assert status == StatusCode.INVALID_ARGUMENT
    assert "Got 3 rows, expected at most 2" in message


def test_a_failing_model_reveals_nothing(folder, monkeypatch):
    def fail(*args):
        raise RuntimeError("a secret")

    async def infer(client):
        monkeypatch.setattr(OnnxModel, "run", fail)
        await client.infer(row())

    assert refusal(folder, infer) == (StatusCode.INTERNAL, "The model fails on this request.")


def test_a_full_queue_and_a_passed_deadline_are_told_apart(folder, monkeypatch):
    def hold(client):
        batcher = client.service.repository.find("linear").batcher
        monkeypatch.setattr(batcher, "_is_due", lambda: False)

    async def wait_too_long(client):
        hold(client)
        await client.infer(row())

    async def overload(client):
        hold(client)
        await asyncio.gather(*(client.infer(row()) for _ in range(3)))

    batches = BatchSettings(deadline=0.1, queue_rows=2, n_threads=2)  # in threads, not in the event loop
    assert refusal(folder, wait_too_long, batches=batches)[0] == StatusCode.DEADLINE_EXCEEDED
    assert refusal(folder, overload, batches=batches)[0] == StatusCode.RESOURCE_EXHAUSTED


def test_a_request_that_never_arrives_is_refused(folder, monkeypatch):
    monkeypatch.setattr(reading, "SECONDS", 0.1)

    async def stall(client):
        call = client.channel.stream_unary(f"{PREFIX}/ModelInfer")()
        return await call

    assert refusal(folder, stall)[0] == StatusCode.DEADLINE_EXCEEDED


def test_only_a_few_slow_requests_are_waited_for(folder, monkeypatch):
    monkeypatch.setattr(reading, "QUICK_SECONDS", 0.05)
    monkeypatch.setattr(reading, "MAX_SLOW", 1)

    async def stall(client):
        slow = client.channel.stream_unary(f"{PREFIX}/ModelInfer")()
        await asyncio.sleep(0.2)
        await client.infer(row())  # quick ones are answered
        second = client.channel.stream_unary(f"{PREFIX}/ModelInfer")()
        try:
            await second
        finally:
            assert not slow.done()
            slow.cancel()

    assert refusal(folder, stall)[0] == StatusCode.DEADLINE_EXCEEDED


def test_a_stream_without_a_message_is_refused(folder):
    async def ask_nothing(client):
        call = client.channel.stream_unary(f"{PREFIX}/ModelInfer")()
        await call.done_writing()
        return await call

    status, message = refusal(folder, ask_nothing)
    assert (status, message) == (StatusCode.INVALID_ARGUMENT, "Expected a message as the request.")


def test_the_memory_of_large_requests_is_limited(folder):
    async def ask_much(client):
        client.service.memory.max_bytes = client.service.memory.share = 1000
        await client.infer(row())
        assert client.service.memory.n_bytes == 0
        await client.infer(np.zeros((200, 4)))

    assert refusal(folder, ask_much)[0] == StatusCode.RESOURCE_EXHAUSTED


def test_a_compressed_bomb_is_refused(folder):
    async def explode(client):
        zeros = bytes(2 * server.MAX_MESSAGE_BYTES)
        assert len(gzip.compress(zeros, 1)) < server.MAX_MESSAGE_BYTES
        await client.ModelInfer(zeros, compression=grpc.Compression.Gzip)

    status, message = refusal(folder, explode)
    assert status == StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in message


def test_calls_without_the_token_are_refused_except_for_probes(folder):
    def infer(metadata):
        return lambda client: client.RepositoryIndex(pb.RepositoryIndexRequest(), metadata=metadata)

    async def probe(client):
        return (await client.ServerLive(pb.ServerLiveRequest())).live, (
            await client.ServerReady(pb.ServerReadyRequest())
        ).ready

    for shown in ((), [("authorization", "secret")], [("authorization", "Bearer secret2")]):
        assert refusal(folder, infer(shown), token="secret")[0] == StatusCode.UNAUTHENTICATED
    assert ask(folder, infer([("authorization", "Bearer secret")]), token="secret").models
    assert ask(folder, probe, token="secret") == (True, True)


def test_metrics_count_calls_by_their_status(folder):
    async def use(client):
        await client.infer(row())
        with pytest.raises(grpc.RpcError):
            await client.infer(np.zeros((1, 3)))
        return client.service.metrics.exposition().decode()

    text = ask(folder, use)
    assert 'vaefeat_requests_total{model="linear",status="OK"} 1.0' in text
    assert 'vaefeat_requests_total{model="linear",status="INVALID_ARGUMENT"} 1.0' in text
    assert 'vaefeat_errors_total{model="linear",reason="invalid"} 1.0' in text


def test_a_port_that_is_taken_is_an_error(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = GrpcSettings(port=taken.getsockname()[1])
        service = Service.open(folder, ServiceSettings())

        async def start():
            await GrpcServer(service, settings).start()

        with pytest.raises(OSError, match=r"Cannot listen on .* already in use"):
            asyncio.run(start())
