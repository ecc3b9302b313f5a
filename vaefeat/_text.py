"""Text that others wrote, made fit for one line of a terminal or a log."""


def printable(text: str) -> str:
    """Return the text as one line, without control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text.replace("\n", " "))
