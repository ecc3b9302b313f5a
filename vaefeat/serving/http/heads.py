"""What the head of an inference request says."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vaefeat.serving.errors import InvalidRequestError
from vaefeat.serving.http.protocol import HEADER_LENGTH

SMALL_BYTES = 64 * 2**10  # of a body; what is larger is parsed in a thread, so that others need not wait
_SPECIAL = {b"content-encoding", b"transfer-encoding", b"expect"}


class Head(NamedTuple):
    """What the head of an inference request says.

    Attributes
    ----------
    name : str
        Of the model.
    version : str or None
        Of the model; None for the latest one.
    header_length : int or None
        The bytes of JSON before binary tensors; None if the whole body is JSON.
    accepts_gzip : bool
        Whether the response may be compressed.
    """

    name: str
    version: str | None
    header_length: int | None
    accepts_gzip: bool

    @classmethod
    def of(cls, name: str, version: str | None, headers: Mapping[bytes, bytes]) -> "Head":
        """Return what the headers say, by their names in lower case; raise InvalidRequestError."""
        encodings = headers.get(b"accept-encoding", b"").split(b",")
        return cls(name, version, _header_length(headers), b"gzip" in map(bytes.strip, encodings))


def target_of(path: str) -> tuple[str, str | None] | None:
    """Return the name and the version that an address for inference names; None for another address."""
    match path.split("/"):
        case ["", "v2", "models", name, "infer"] if name:
            return name, None
        case ["", "v2", "models", name, "versions", version, "infer"] if name and version:
            return name, version
    return None


def simple_head(url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Head | None:
    """Return the head of an inference request of a small body, sent as it is; None for any other request.

    Parameters
    ----------
    url : bytes
        As sent.
    headers : sequence of (bytes, bytes)
        Names in lower case.
    """
    target = target_of(url.decode("latin-1")) if b"%" not in url and b"?" not in url else None
    known = dict(headers)
    length = known.get(b"content-length", b"")
    if target is None or not length.isdigit() or int(length) > SMALL_BYTES or not _SPECIAL.isdisjoint(known):
        return None
    try:
        return Head.of(*target, known)
    except InvalidRequestError:
        return None


def _header_length(headers: Mapping[bytes, bytes]) -> int | None:
    text = headers.get(HEADER_LENGTH)
    if text is None:
        return None
    if not text.isdigit() or len(text) > 18:
        raise InvalidRequestError("Expected a number of bytes in the header Inference-Header-Content-Length.")
    return int(text)
