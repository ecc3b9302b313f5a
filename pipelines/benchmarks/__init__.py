"""Benchmarks: ``python -m pipelines.benchmarks.run``, one file for each."""
