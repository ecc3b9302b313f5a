"""Values of options that several commands share."""

import re


def parse_shape(text: str | None) -> tuple[int, int] | None:
    """Return rows and columns of an image, written as 8x8.

    Raises
    ------
    ValueError
        If it is no such shape.
    """
    if text is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text.strip())
    if not found:
        raise ValueError(f"Got --image-shape {text}, expected rows and columns such as 8x8.")
    return int(found[1]), int(found[2])
