import os
import signal
import threading
import time

import numpy as np
import pytest

from tests.runtime.test_many_files import X, contents, with_card
from vaefeat.engines import DaskEngine
from vaefeat.runtime import encode_files

distributed = pytest.importorskip("distributed", reason="needs the extra dask")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def address():
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def model():
    return with_card({}, 64)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    for i in range(40):
        np.save(folder / f"{i:02}.npy", X[100 * i : 100 * (i + 1)])
    return folder


@pytest.fixture(scope="module")
def expected(model, source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("expected")
    encode_files(model, source, folder)
    return contents(folder)


def test_a_cluster_writes_what_threads_write(model, source, expected, address, tmp_path):
    encoded = encode_files(model, source, tmp_path, engine=DaskEngine(address))
    assert encoded.n_rows == 4_000
    assert contents(tmp_path) == expected


def test_without_an_address_processes_are_started_here(model, source, expected, tmp_path):
    encode_files(model, source, tmp_path, engine=DaskEngine())
    assert contents(tmp_path) == expected


def test_a_killed_worker_loses_nothing(model, source, expected, address, tmp_path):
    def kill():
        while len(list(tmp_path.glob("part-*"))) < 5:
            time.sleep(0.005)
        with distributed.Client(address) as client:
            process = next(iter(client.run(os.getpid).values()))
        os.kill(process, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    encode_files(model, source, tmp_path, engine=DaskEngine(address))
    killer.join()
    assert contents(tmp_path) == expected


def test_an_error_of_a_unit_reaches_the_caller(model, source, address, tmp_path):
    folder = tmp_path / "bad"
    folder.mkdir()
    np.save(folder / "bad.npy", np.full((3, 64), np.nan))
    with pytest.raises(ValueError, match="row 1, column 1: got nan"):
        encode_files(model, folder, tmp_path / "out", engine=DaskEngine(address))
