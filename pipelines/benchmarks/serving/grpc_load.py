"""Clients over gRPC that send as fast as they get responses."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import cycle

import grpc.aio
import numpy as np

from pipelines.benchmarks.serving.load import PATIENCE, Answer, run, until

INFER = "/inference.GRPCInferenceService/ModelInfer"


def grpc_request(model: str, X: np.ndarray) -> bytes:
    """Return a request of the protocol with a raw tensor, for the output z_mean."""
    shape = b"".join(map(_varint, X.shape))
    input_ = _field(1, b"X") + _field(2, b"FP32") + _field(3, shape)
    outputs = _field(6, _field(1, b"z_mean"))
    return _field(1, model.encode()) + _field(5, input_) + outputs + _field(7, X.tobytes())


def _field(number: int, content: bytes) -> bytes:
    """Return a field of a protocol buffer: text, bytes or another message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = [value >> shift & 127 for shift in range(0, max(1, value.bit_length()), 7)]
    return bytes([*(group | 128 for group in groups[:-1]), groups[-1]])


def ask_grpc_for(seconds: float, port: int, requests: Sequence[bytes], n_connections: int) -> list[Answer]:
    """Ask on some connections for some time, on each as soon as the last answer is there.

    The status of an answer is 200, or the name of an error.
    """
    return run(_ask(port, until(time.perf_counter() + seconds, cycle(requests)), n_connections))


def ask_grpc_all(port: int, requests: Sequence[bytes], n_connections: int) -> list[Answer]:
    """Ask everything once, on some connections."""
    return run(_ask(port, iter(requests), n_connections))


async def _ask(port: int, requests: Iterator[bytes], n_connections: int) -> list[Answer]:
    clients = await asyncio.gather(*(_client(port, requests) for _ in range(n_connections)))
    return [answer for answers in clients for answer in answers]


async def _client(port: int, requests: Iterator[bytes]) -> list[Answer]:
    answers: list[Answer] = []
    options = [("grpc.use_local_subchannel_pool", 1)]  # otherwise channels share a connection
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        infer = channel.unary_unary(INFER)
        for request in requests:  # of all clients together
            start = time.perf_counter()
            status: int | str = 200
            try:
                await infer(request, timeout=PATIENCE)
            except grpc.aio.AioRpcError as error:
                status = error.code().name
            answers.append(Answer(status, time.perf_counter() - start))
    return answers
