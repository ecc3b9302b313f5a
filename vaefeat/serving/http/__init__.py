"""The service over HTTP, by the Open Inference Protocol (KServe V2)."""
