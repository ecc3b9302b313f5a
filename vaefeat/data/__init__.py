"""Everything that reads or writes rows: tables in files, data sets by name, and labels."""

from vaefeat.data.datasets import Dataset, load_dataset
from vaefeat.data.labels import UNLABELED, mask_labels

__all__ = ["UNLABELED", "Dataset", "load_dataset", "mask_labels"]
