"""One file, one question: each writes rows to pipelines/results."""
