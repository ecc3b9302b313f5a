"""Clients of vaefeat: ready-made Pipelines, the experiments behind the README, benchmarks."""
