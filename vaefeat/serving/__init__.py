"""The feature-extraction service.

The modules here know of models, batches and errors, and of no protocol; each protocol has a package of its
own, such as :mod:`vaefeat.serving.http`, which imports no other.
"""

import logging

logging.getLogger(__name__).addHandler(logging.NullHandler())  # applications add their own
