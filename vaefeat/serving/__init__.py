"""The feature-extraction service: models over HTTP, by the Open Inference Protocol (KServe V2)."""

import logging

logging.getLogger(__name__).addHandler(logging.NullHandler())  # who wants to hear it adds another
