"""Asks a service through the clients that people have, and writes what it answered.

    python answers.py HOST:PORT MODEL ROWS.npy ANSWERS.npz

Runs where tritonclient and kserve are installed: their requirements and TensorFlow's exclude each other.
"""

import asyncio
import sys

import numpy as np
import tritonclient.http as triton
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig


def by_triton(address, model, X):
    """Yield the name and the outputs of each way in which Triton's client can ask."""
    with triton.InferenceServerClient(address) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready(model)
        assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
        assert model in {entry["name"] for entry in client.get_model_repository_index()}
        names = [output["name"] for output in client.get_model_metadata(model)["outputs"]]
        for is_binary in (True, False):
            input_ = triton.InferInput("X", X.shape, "FP32")
            input_.set_data_from_numpy(X, binary_data=is_binary)
            asked = [triton.InferRequestedOutput(name, binary_data=is_binary) for name in names]
            for compression in (None, "gzip", "deflate"):
                answer = client.infer(
                    model,
                    [input_],
                    outputs=asked,
                    request_id="7",
                    request_compression_algorithm=compression,
                    response_compression_algorithm=compression,
                )
                assert answer.get_response()["id"] == "7"
                name = f"triton, {'binary' if is_binary else 'JSON'}, {compression}"
                yield name, {name: answer.as_numpy(name) for name in names}
        answer = client.infer(model, [input_], model_version="1")
        yield "triton, outputs not named", {name: answer.as_numpy(name) for name in names}
        error = refusal_of(client, model, X[:, 1:])
        assert "expected [number of rows" in error, error
        stats = client.get_inference_statistics(model)["model_stats"][0]
        assert stats["inference_count"] >= 7 * len(X)
        assert len(client.get_inference_statistics()["model_stats"]) > 1
        client.unload_model(model)
        assert not client.is_model_ready(model)
        client.load_model(model)
        assert client.is_model_ready(model)


def refusal_of(client, model, X):
    """Return what a client is told that sends rows of another width."""
    input_ = triton.InferInput("X", X.shape, "FP32")
    input_.set_data_from_numpy(X)
    try:
        client.infer(model, [input_])
    except triton.InferenceServerException as exc:
        return exc.message()
    return "nothing"


async def by_kserve(address, model, X):
    """Return the outputs as KServe's client gives them, for JSON and binary requests."""
    url = f"http://{address}"
    client = InferenceRESTClient(RESTConfig(protocol="v2", timeout=30))
    assert await client.is_server_live(url)
    assert await client.is_server_ready(url)
    assert await client.is_model_ready(url, model)
    answers = {}
    for is_binary in (True, False):
        input_ = InferInput("X", list(X.shape), "FP32")
        input_.set_data_from_numpy(X, binary_data=is_binary)
        request = InferRequest(model, [input_], request_id="7")
        answer = await client.infer(url, request, model_name=model)
        assert answer.id == "7"
        name = f"kserve, {'binary' if is_binary else 'JSON'}"
        answers[name] = {output.name: output.as_numpy() for output in answer.outputs}
    return answers


address, model, rows, out = sys.argv[1:]
X = np.load(rows)
answers = dict(by_triton(address, model, X)) | asyncio.run(by_kserve(address, model, X))
arrays = {f"{how}: {name}": values for how, given in answers.items() for name, values in given.items()}
np.savez(out, **arrays)
