import io
import json
import logging

import pytest

from vaefeat.serving.logs import JsonLines, PlainLines

FORGED = "bad\n2026-01-01 00:00:00,000 INFO Loaded\x1b[2J"


def logged(formatter, *, exc_info=False):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    record = logging.LogRecord("name", logging.ERROR, "file", 1, "Refused %s.", (FORGED,), exc_info)
    handler.handle(record)
    return stream.getvalue()


def raised():
    try:
        raise ValueError(FORGED)
    except ValueError as exc:
        return type(exc), exc, exc.__traceback__


@pytest.mark.parametrize("formatter", [PlainLines(), JsonLines()])
def test_no_text_passes_for_a_record_or_controls_the_terminal(formatter):
    (line,) = logged(formatter).splitlines()
    assert line.isprintable()
    assert "Refused bad" in line


def test_the_lines_of_an_exception_are_indented():
    first, *others = logged(PlainLines(), exc_info=raised()).splitlines()
    assert first.endswith("\N{REPLACEMENT CHARACTER}[2J.")
    assert all(line.startswith("    ") and line.isprintable() for line in others)
    assert len(json.loads(logged(JsonLines(), exc_info=raised()))) == 4
