"""Classify rows with an exported Pipeline: numpy and onnxruntime, nothing more.

    python classify.py MODEL.onnx ROWS

ROWS is a .npy file of shape (n, features), or a .json file like samples.json. Whole numbers are pixels, 0 to
255, and are divided by 255. Prints one JSON object a row, in the order of the rows.
"""

import json
import sys

import numpy as np
import onnxruntime


def read_rows(path):
    if path.endswith(".npy"):
        rows = np.load(path, allow_pickle=False)  # a file of rows must not be able to run code
    else:
        with open(path, encoding="utf-8") as file:
            rows = np.array([sample["pixels"] for sample in json.load(file)])
    return np.asarray(rows / 255 if rows.dtype.kind in "iu" else rows, dtype=np.float32)


def plain(value):
    return value.item() if value.ndim == 0 else [round(number, 6) for number in value.tolist()]


def main(model_path, rows_path):
    session = onnxruntime.InferenceSession(model_path, providers=["CPUExecutionProvider"])
    width, rows = session.get_inputs()[0].shape[1], read_rows(rows_path)
    if rows.ndim != 2 or rows.shape[1] != width:
        sys.exit(f"{model_path} reads rows of {width} numbers, {rows_path} has the shape {rows.shape}.")
    names = [output.name for output in session.get_outputs()]  # label, probabilities, maybe z_mean
    outputs = session.run(names, {session.get_inputs()[0].name: rows})
    for row in zip(*outputs, strict=True):
        print(json.dumps(dict(zip(names, map(plain, row), strict=True))))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("Usage: python classify.py MODEL.onnx ROWS.npy (or samples.json)")
    main(*sys.argv[1:])
