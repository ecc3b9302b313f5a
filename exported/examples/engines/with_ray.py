"""Encode files in Ray Data: each task is sent the model, and encodes batches of rows.

    pip install 'vaefeat[tables]' 'ray[data]'
    python with_ray.py MODEL.onnx ROWS FEATURES

ROWS is a .parquet file or a folder of such files, with a column ``id`` of integers, which FEATURES, a folder,
keeps, and the columns that the model takes. On a cluster, call ``ray.init()`` without a number.
"""

import sys

import pyarrow as pa
import ray

from vaefeat import ArrowEncoder


def main(model, rows, features):
    encode = ArrowEncoder(model, ["z_mean"], keep=pa.schema([("id", pa.int64())]))
    ray.init(num_cpus=2)
    data = ray.data.read_parquet(rows)
    data.map_batches(encode, batch_format="pyarrow", batch_size=4096).write_parquet(features)


if __name__ == "__main__":
    main(*sys.argv[1:])
