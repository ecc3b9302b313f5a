"""Write a model into a model repository of Triton Inference Server."""

import json
import os
from pathlib import Path

import numpy as np

from vaefeat._files import write_together
from vaefeat.exceptions import ExportError
from vaefeat.runtime.folders import is_model_name, version_path
from vaefeat.runtime.model import OnnxModel

MAX_BATCH_ROWS = 1024
_TYPES = {
    np.dtype(np.float32): "TYPE_FP32",
    np.dtype(np.int64): "TYPE_INT64",
    np.dtype(object): "TYPE_STRING",
}

# Waiting rows are run together, without waiting for more. The queue and the time in it are limited; by
# default Triton limits neither.
_CONFIG = """\
name: {name}
platform: "onnxruntime_onnx"
max_batch_size: {max_rows}
input [
  {{ name: {input} data_type: TYPE_FP32 dims: [ {n_features} ] }}
]
output [
{outputs}
]
dynamic_batching {{
  default_queue_policy {{
    timeout_action: REJECT
    default_timeout_microseconds: 1000000
    max_queue_size: 1024
  }}
}}
instance_group [ {{ kind: KIND_CPU count: 1 }} ]
parameters {{ key: "intra_op_thread_count" value {{ string_value: "1" }} }}
model_warmup [
  {{
    name: "one row"
    batch_size: 1
    inputs {{ key: {input} value {{ data_type: TYPE_FP32 dims: [ {n_features} ] zero_data: true }} }}
  }}
]
"""


def export_triton(model: OnnxModel, folder: str | os.PathLike[str], name: str | None = None) -> Path:
    """Write a model into a Triton model repository.

    Parameters
    ----------
    model : OnnxModel
    folder : path
        The repository, into which NAME/config.pbtxt and NAME/1/model.onnx are written.
    name : str, optional
        By default the name in the model's card.

    Returns
    -------
    path : Path
        The folder NAME.

    Raises
    ------
    ExportError
        If the name cannot be that of a folder, or Triton does not know the type of an output.
    """
    name = name or str(model.card.get("name", ""))
    if not is_model_name(name):
        raise ExportError(
            f"Got {name!r} as the name of the model, expected letters, digits and, except at the start, ._-"
        )
    config = triton_config(model, name)
    path = Path(folder) / name
    write_together(
        {version_path(Path(folder), name): model.to_bytes(), path / "config.pbtxt": config.encode()}
    )
    return path


def triton_config(model: OnnxModel, name: str) -> str:
    """Return the text of a model's config.pbtxt."""
    outputs = model.run(np.zeros((1, model.n_features)))  # to find their types
    return _CONFIG.format(
        name=_quoted(name),
        max_rows=MAX_BATCH_ROWS,
        input=_quoted(model.input_name),
        n_features=model.n_features,
        outputs=",\n".join(_output(each, values) for each, values in outputs.items()),
    )


def _output(name: str, values: np.ndarray) -> str:
    if values.dtype not in _TYPES:
        raise ExportError(
            f"The output {name!r} has type {values.dtype}, expected one of {[*map(str, _TYPES)]}."
        )
    # Triton requires a dimension in addition to the rows, which a vector does not have.
    width = "dims: [ 1 ] reshape { shape: [ ] }" if values.ndim == 1 else f"dims: [ {values.shape[1]} ]"
    return f"  {{ name: {_quoted(name)} data_type: {_TYPES[values.dtype]} {width} }}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
