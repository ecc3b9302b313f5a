"""The service under load, beside others that serve the same file, all on the loopback interface."""
