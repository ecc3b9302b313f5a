"""The service over gRPC, by the Open Inference Protocol (KServe V2)."""
