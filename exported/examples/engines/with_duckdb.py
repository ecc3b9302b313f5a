"""Encode the rows of a query in DuckDB, piece by piece: the outputs of a model can be queried as any table.

    pip install 'vaefeat[tables]' duckdb
    python with_duckdb.py MODEL.onnx ROWS.parquet FEATURES.parquet

ROWS has a column ``id`` of integers, which FEATURES keeps, and the columns that the model takes.
"""

import sys

import duckdb
import pyarrow as pa

from vaefeat import ArrowEncoder


def main(model, rows, features):
    encode = ArrowEncoder(model, ["z_mean"], keep=pa.schema([("id", pa.int64())]))
    reader = duckdb.connect().read_parquet(rows).to_arrow_reader(4096)
    encoded = pa.RecordBatchReader.from_batches(encode.schema, encode(reader))
    duckdb.connect().from_arrow(encoded).write_parquet(features)


if __name__ == "__main__":
    main(*sys.argv[1:])
