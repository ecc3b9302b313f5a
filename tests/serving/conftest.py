"""Services that more than one test file speaks to."""

import pytest
from hypothesis import settings

from tests.serving.live import EXPORTED, put, serving

collect_ignore = ["http/clients", "grpc/clients"]  # they run in an environment of their own

settings.register_profile("the same each time", derandomize=True, deadline=None, database=None)
settings.load_profile("the same each time")


@pytest.fixture(scope="session")
def exported():
    """A service of the exported models."""
    with serving(EXPORTED, "--grpc-port", "0", "--allow-control") as live:
        yield live


@pytest.fixture
def folder(tmp_path):
    put(tmp_path)
    return tmp_path


@pytest.fixture
def faulty(folder):
    with serving(folder, module="tests.serving.faulty") as live:
        yield live
