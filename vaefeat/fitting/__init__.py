"""From a table with few labels to a classifier or regressor that ships."""

from vaefeat.comparison import beside
from vaefeat.fitting.candidates import PREDICTORS, Candidate, default_candidates
from vaefeat.fitting.columns import ColumnEncoder
from vaefeat.fitting.report import write_report
from vaefeat.fitting.run import Choice, check_labels, choose, fit, seconds_to_train
from vaefeat.fitting.scores import CrossValidated, RegressionScore, Score, balanced_mean
from vaefeat.fitting.selection import choose_among, cross_validate
from vaefeat.fitting.verdict import verdict

__all__ = [
    "PREDICTORS",
    "Candidate",
    "Choice",
    "ColumnEncoder",
    "CrossValidated",
    "RegressionScore",
    "Score",
    "balanced_mean",
    "beside",
    "check_labels",
    "choose",
    "choose_among",
    "cross_validate",
    "default_candidates",
    "fit",
    "seconds_to_train",
    "verdict",
    "write_report",
]
