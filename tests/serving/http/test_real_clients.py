"""The clients that people have get what the model gives, bit for bit."""

from pathlib import Path

import pytest

from tests.serving.clients import BIN, check_answers, need_clients, run
from tests.serving.live import EXPORTED, serving

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "clients" / "answers.py"


@pytest.fixture(scope="module", autouse=True)
def clients():
    need_clients()


@pytest.mark.parametrize("model", ["digits-vae", "mnist-100-labels-vae"])
@pytest.mark.parametrize("n_rows", [1, 50])
def test_real_clients_get_the_model_s_outputs_bit_for_bit(exported, model, n_rows, tmp_path):
    check_answers(SCRIPT, f"127.0.0.1:{exported.port}", model, n_rows, 9, tmp_path)


def test_responses_conform_to_openapi(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where it writes its notes
    # What it cannot know: which names there are, so that it takes the refusal of others for an error.
    checks = "--checks=all --exclude-checks=positive_data_acceptance --warnings=off"
    limits = "--max-examples=25 --generation-deterministic --phases=examples,coverage,fuzzing"
    with serving(EXPORTED, "--allow-control") as live:  # one of its own, since it unloads the models
        run(BIN / "schemathesis", "run", f"{live.url}/openapi.json", *checks.split(), *limits.split())
