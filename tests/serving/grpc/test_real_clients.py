"""Triton's gRPC client, unmodified, gets what the model gives, bit for bit."""

from pathlib import Path

import pytest

from tests.serving.clients import check_answers, need_clients

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "clients" / "answers.py"


@pytest.mark.parametrize("model", ["digits-vae", "mnist-100-labels-vae"])
@pytest.mark.parametrize("n_rows", [1, 50])
def test_triton_s_client_gets_the_model_s_outputs_bit_for_bit(exported, model, n_rows, tmp_path):
    need_clients()
    check_answers(SCRIPT, exported.grpc_address(), model, n_rows, 4, tmp_path)
