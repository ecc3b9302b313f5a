"""The feature-extraction service.

The modules here know about models, batches and errors, but not about protocols; each protocol has its
own package, such as :mod:`vaefeat.serving.http`, which imports no other.
"""

import logging

logging.getLogger(__name__).addHandler(logging.NullHandler())  # applications add their own
