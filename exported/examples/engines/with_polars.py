"""Encode a .parquet file in Polars, piece by piece: a model is one step of a lazy query.

    pip install 'vaefeat[tables]' polars
    python with_polars.py MODEL.onnx ROWS.parquet FEATURES.parquet

ROWS has a column ``id`` of integers, which FEATURES keeps, and the columns that the model takes.
"""

import sys

import polars as pl
import pyarrow as pa

from vaefeat import ArrowEncoder


def main(model, rows, features):
    encode = ArrowEncoder(model, ["z_mean"], keep=pa.schema([("id", pa.int64())]))

    def encoded(frame):
        return pl.from_arrow(encode(frame.to_arrow()))

    schema = pl.from_arrow(encode.schema.empty_table()).schema
    pl.scan_parquet(rows).map_batches(encoded, schema=schema, streamable=True).sink_parquet(features)


if __name__ == "__main__":
    main(*sys.argv[1:])
