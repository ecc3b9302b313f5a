"""From a table with few labels to a classifier that ships."""

from vaefeat.fitting.candidates import CLASSIFIERS, Candidate, default_candidates
from vaefeat.fitting.columns import ColumnEncoder
from vaefeat.fitting.report import write_report
from vaefeat.fitting.run import Choice, choose, fit
from vaefeat.fitting.selection import Score
from vaefeat.fitting.verdict import verdict

__all__ = [
    "CLASSIFIERS",
    "Candidate",
    "Choice",
    "ColumnEncoder",
    "Score",
    "choose",
    "default_candidates",
    "fit",
    "verdict",
    "write_report",
]
