"""Settings that work, as functions that return unfitted estimators and Pipelines."""

from vaefeat.recipes.codes import (
    make_clustering_pipeline,
    make_hashing_pipeline,
    make_neighbors_pipeline,
    pack_bits,
)
from vaefeat.recipes.few_labels import make_m1_m2_pipeline
from vaefeat.recipes.images import image_encoder, make_image_pipeline
from vaefeat.recipes.photos import photo_encoder
from vaefeat.recipes.pixels import PixelScaler
from vaefeat.recipes.tables import make_table_pipeline, table_encoder, table_likelihood, table_scaler
from vaefeat.recipes.union import make_image_union

__all__ = [
    "PixelScaler",
    "image_encoder",
    "make_clustering_pipeline",
    "make_hashing_pipeline",
    "make_image_pipeline",
    "make_image_union",
    "make_m1_m2_pipeline",
    "make_neighbors_pipeline",
    "make_table_pipeline",
    "pack_bits",
    "photo_encoder",
    "table_encoder",
    "table_likelihood",
    "table_scaler",
]
