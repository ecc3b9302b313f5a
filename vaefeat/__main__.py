"""``python -m vaefeat``: the command line."""

from vaefeat.cli import app

app(prog_name="vaefeat")
