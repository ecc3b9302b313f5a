"""The feature-extraction service: models over HTTP, by the Open Inference Protocol (KServe V2)."""
