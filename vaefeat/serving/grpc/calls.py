"""The calls of the protocol."""

import json
import time
from typing import Any

from vaefeat import __version__
from vaefeat.serving.contract import Tensor, datatype_of, to_bytes
from vaefeat.serving.core import infer
from vaefeat.serving.errors import InvalidRequestError
from vaefeat.serving.grpc import inference_pb2 as pb
from vaefeat.serving.grpc.errors import outcome_of
from vaefeat.serving.grpc.requests import parse_request
from vaefeat.serving.repository import ServedModel
from vaefeat.serving.service import Service

_IGNORED = {"unload_dependents"}  # no model depends on another


class Calls:
    """Answers each call of the protocol; the methods have its names.

    Parameters
    ----------
    service : Service
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._repository = service.repository
        self._unknown = service.metrics.of("")  # counts requests for models that do not exist

    # --- health and metadata ---

    async def ServerLive(self, request: pb.ServerLiveRequest) -> pb.ServerLiveResponse:
        """Tell whether the process can work."""
        return pb.ServerLiveResponse(live=self._service.is_live)

    async def ServerReady(self, request: pb.ServerReadyRequest) -> pb.ServerReadyResponse:
        """Tell whether requests should be sent here."""
        return pb.ServerReadyResponse(ready=self._service.is_ready)

    async def ModelReady(self, request: pb.ModelReadyRequest) -> pb.ModelReadyResponse:
        """Tell whether a model can work."""
        served = self.find(request.name, request.version)
        return pb.ModelReadyResponse(ready=served.batcher.is_alive and not self._service.is_draining)

    async def ServerMetadata(self, request: pb.ServerMetadataRequest) -> pb.ServerMetadataResponse:
        """Describe the service."""
        extensions = ["model_repository", "statistics"]
        return pb.ServerMetadataResponse(name="vaefeat", version=__version__, extensions=extensions)

    async def ModelMetadata(self, request: pb.ModelMetadataRequest) -> pb.ModelMetadataResponse:
        """Describe a model; its card is the property of that name."""
        served = self.find(request.name, request.version)
        return pb.ModelMetadataResponse(
            name=served.name,
            versions=self._repository.versions(served.name),
            platform="onnx_onnxv1",
            inputs=[_tensor(served.contract.input)],
            outputs=[_tensor(output) for output in served.contract.outputs],
            properties={"card": json.dumps(served.model.card)},
        )

    # --- inference ---

    async def ModelInfer(self, request: pb.ModelInferRequest) -> pb.ModelInferResponse:
        """Return the outputs of rows, as raw tensors."""
        start = time.perf_counter()
        metrics = self._unknown
        try:
            self._service.check_open()
            served = self.find(request.model_name, request.model_version)
            metrics = served.metrics
            response = await _infer(served, request)
        except Exception as exc:
            outcome = outcome_of(exc)
            metrics.observe_error(outcome.status.name, outcome.reason, time.perf_counter() - start)
            raise
        metrics.observe_success("OK", time.perf_counter() - start)
        return response

    # --- statistics and the repository ---

    async def ModelStatistics(self, request: pb.ModelStatisticsRequest) -> pb.ModelStatisticsResponse:
        """Return what models have done."""
        found = self._repository.find_all(request.name, request.version)
        return pb.ModelStatisticsResponse(
            model_stats=[pb.ModelStatistics(**served.statistics()) for served in found]
        )

    async def RepositoryIndex(self, request: pb.RepositoryIndexRequest) -> pb.RepositoryIndexResponse:
        """List the models."""
        entries = self._repository.index(ready=request.ready)
        models = [pb.RepositoryIndexResponse.ModelIndex(**entry._asdict()) for entry in entries]
        return pb.RepositoryIndexResponse(models=models)

    async def RepositoryModelLoad(
        self, request: pb.RepositoryModelLoadRequest
    ) -> pb.RepositoryModelLoadResponse:
        """Load a model, or its new and changed files."""
        _check_parameters(request)
        await self._service.load(request.model_name)
        return pb.RepositoryModelLoadResponse()

    async def RepositoryModelUnload(
        self, request: pb.RepositoryModelUnloadRequest
    ) -> pb.RepositoryModelUnloadResponse:
        """Stop serving a model."""
        _check_parameters(request)
        await self._service.unload(request.model_name)
        return pb.RepositoryModelUnloadResponse()

    def find(self, name: str, version: str) -> ServedModel:
        """Return a model, by default its latest version; raise ModelNotFoundError if there is none."""
        return self._repository.find(name, version or None)


async def _infer(served: ServedModel, request: pb.ModelInferRequest) -> pb.ModelInferResponse:
    served.batcher.check_capacity()
    rows = parse_request(request, served.contract, served.max_rows)
    outputs = await infer(served, rows.X, rows.outputs)
    response = pb.ModelInferResponse(model_name=served.name, model_version=served.version, id=request.id)
    for name in rows.outputs:
        Y = outputs[name]
        response.outputs.add(name=name, datatype=datatype_of(Y), shape=Y.shape)
        response.raw_output_contents.append(to_bytes(Y))
    return response


def _check_parameters(request: Any) -> None:
    if not set(request.parameters) <= _IGNORED:
        raise InvalidRequestError("Models are loaded as they are in the folder: expected no parameters.")


def _tensor(tensor: Tensor) -> pb.ModelMetadataResponse.TensorMetadata:
    return pb.ModelMetadataResponse.TensorMetadata(**tensor._asdict())
