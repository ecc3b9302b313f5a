"""Everything that reads or writes rows: tables in files, data sets by name, labels and their folds."""

from vaefeat.data.datasets import Dataset, load_dataset
from vaefeat.data.folds import LabeledKFold
from vaefeat.data.labels import UNLABELED, mask_labels
from vaefeat.data.scoring import labeled_scorer
from vaefeat.data.stream import RowStream

__all__ = [
    "UNLABELED",
    "Dataset",
    "LabeledKFold",
    "RowStream",
    "labeled_scorer",
    "load_dataset",
    "mask_labels",
]
