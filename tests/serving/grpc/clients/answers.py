"""Asks a service through Triton's gRPC client, and writes what it answered.

    python answers.py HOST:PORT MODEL ROWS.npy ANSWERS.npz

Runs where tritonclient is installed, and apart from kserve: both define the same messages.
"""

import sys

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException


def answers_of(client, model, X):
    """Yield the name and the outputs of each way in which the client can ask."""
    names = [output.name for output in client.get_model_metadata(model).outputs]
    input_ = triton.InferInput("X", X.shape, "FP32")
    input_.set_data_from_numpy(X)
    asked = [triton.InferRequestedOutput(name) for name in names]
    for compression in (None, "gzip", "deflate"):
        answer = client.infer(
            model, [input_], outputs=asked, request_id="7", compression_algorithm=compression
        )
        assert answer.get_response().id == "7"
        yield f"{compression}", {name: answer.as_numpy(name) for name in names}
    answer = client.infer(model, [input_], model_version="1")
    yield "outputs not named", {name: answer.as_numpy(name) for name in names}


def check_the_rest(client, model, X):
    """Use what does not return outputs."""
    assert client.is_server_live()
    assert client.is_server_ready()
    assert "statistics" in client.get_server_metadata().extensions
    assert model in {entry.name for entry in client.get_model_repository_index().models}
    stats = client.get_inference_statistics(model).model_stats[0]
    assert stats.inference_count >= len(X)
    assert len(client.get_inference_statistics().model_stats) > 1
    client.unload_model(model)
    assert "There is no such model" in refusal_of(lambda: client.is_model_ready(model))
    client.load_model(model)
    assert client.is_model_ready(model)
    input_ = triton.InferInput("X", [len(X), 1], "FP32")
    input_.set_data_from_numpy(X[:, :1])
    assert "expected [number of rows" in refusal_of(lambda: client.infer(model, [input_]))


def refusal_of(ask):
    """Return what a client is told that asks for what it cannot get."""
    try:
        ask()
    except InferenceServerException as exc:
        return exc.message()
    return "nothing"


address, model, rows, out = sys.argv[1:]
X = np.load(rows)
with triton.InferenceServerClient(address) as client:
    answers = dict(answers_of(client, model, X))
    check_the_rest(client, model, X)
arrays = {f"{how}: {name}": values for how, given in answers.items() for name, values in given.items()}
np.savez(out, **arrays)
