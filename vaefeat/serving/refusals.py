"""How a request is refused: with a status, a reason to count by, and a sentence."""

from vaefeat.exceptions import VaefeatError


class Refusal(VaefeatError):
    """A request is answered with an error.

    Parameters
    ----------
    status : int
        Of HTTP.
    reason : str
        One word of a short list, by which refusals are counted.
    message : str
        One sentence for the person who wrote the client.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def invalid(message: str) -> Refusal:
    """Return the refusal of a request that is not what the protocol, or the model, expects."""
    return Refusal(400, "invalid", message)


def too_large(message: str) -> Refusal:
    """Return the refusal of a request that is beyond a limit of its own size."""
    return Refusal(413, "too_large", message)
