"""Encode files in Spark: each task is sent the model, and encodes record batches.

    pip install 'vaefeat[tables]' 'pyspark[sql]'
    python with_spark.py MODEL.onnx ROWS FEATURES

ROWS is a .parquet file or a folder of such files, with a column ``id`` of integers, which FEATURES, a folder,
keeps, and the columns that the model takes. On a cluster, leave out the master, and run it by spark-submit.
"""

import os
import sys

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from vaefeat import ArrowEncoder


def main(model, rows, features):
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers need the same packages
    encode = ArrowEncoder(model, ["z_mean"], keep=pa.schema([("id", pa.int64())]))
    spark = SparkSession.builder.master("local[2]").getOrCreate()
    encoded = spark.read.parquet(rows).mapInArrow(encode, from_arrow_schema(encode.schema))
    encoded.write.parquet(features)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
