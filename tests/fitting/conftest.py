import pytest

from vaefeat.fitting import candidates, selection


@pytest.fixture(scope="package", autouse=True)
def few_trees_and_folds():
    """Choose quickly, as no test depends on how well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "N_TREES", 4)
        patch.setattr(selection, "N_REPEATS", 1)
        yield
