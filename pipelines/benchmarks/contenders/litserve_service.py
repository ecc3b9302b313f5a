"""LitServe with an ONNX file: ``python litserve_service.py MODEL PORT``, where LitServe is installed.

Rows and features travel as bytes, through its faster queue, and what waits is run together.
"""

import sys
from typing import Annotated

import litserve
import numpy as np
import onnxruntime
from fastapi import Body, Response

MODEL, PORT = sys.argv[1], int(sys.argv[2])


class Encoder(litserve.LitAPI):
    """One float32 row in, its latent means out."""

    def setup(self, device):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(MODEL, options)

    def decode_request(self, request: Annotated[bytes, Body(media_type="application/octet-stream")]):
        return np.frombuffer(request, np.float32)

    def predict(self, X):
        return self.session.run(["z_mean"], {"X": np.atleast_2d(X)})[0]

    def encode_response(self, output) -> Response:
        return Response(output.tobytes(), media_type="application/octet-stream")


if __name__ == "__main__":
    server = litserve.LitServer(
        Encoder(max_batch_size=32, batch_timeout=0.0), accelerator="cpu", fast_queue=True
    )
    server.run(host="127.0.0.1", port=PORT, generate_client_file=False, log_level="warning")
