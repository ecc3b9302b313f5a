"""MLServer with an ONNX file: ``python mlserver_service.py MODEL PORT``, where MLServer is installed.

Rows and features travel as JSON, the only form that it takes over HTTP. The model runs in the process of
the server, and requests one by one: for small models both are faster than what else it offers.
"""

import asyncio
import sys

import numpy as np
import onnxruntime
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

MODEL, PORT = sys.argv[1], int(sys.argv[2])


class Encoder(MLModel):
    """Float32 rows in, their latent means out."""

    async def load(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(MODEL, options)
        return True

    async def predict(self, payload):
        X = self.decode(payload.inputs[0], default_codec=NumpyCodec).astype(np.float32)
        z_mean = self.session.run(["z_mean"], {"X": X})[0]
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("z_mean", z_mean)])


async def main():
    settings = Settings(
        host="127.0.0.1",
        http_port=PORT,
        grpc_port=PORT + 1,
        metrics_endpoint=None,
        parallel_workers=0,
        debug=False,
        gzip_enabled=False,
    )
    model = ModelSettings(name="encoder", implementation=Encoder)
    server = MLServer(settings)
    await server.start([model])


if __name__ == "__main__":
    asyncio.run(main())
