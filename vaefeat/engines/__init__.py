"""Engines that run units of work on several machines."""

from vaefeat.engines.dask import DaskEngine

__all__ = ["DaskEngine"]
