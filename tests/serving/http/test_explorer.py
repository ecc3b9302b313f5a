"""The explorer at /explore/: the same files, and what a stranger may not see or reach."""

import shutil
import socket
from pathlib import Path

import pytest

from tests.apps import use_page
from tests.serving.live import put, serving
from vaefeat.serving.http.explorer import check_explorer, code_paths

CODE = {"index.html", "app.js", "base.css", "onnxruntime-web/ort.wasm.min.mjs"}
SECRETS = {"explorer.json", "models/vae/decoder.onnx", "data/0.u8"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder that has the form of an explorer, and beside it what is nobody's business."""
    above = tmp_path_factory.mktemp("above")
    for name in (*CODE, *SECRETS):
        path = above / "explorer" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"what is in {name}")
    (above / "secret.txt").write_text("secret")
    (above / "explorer" / "link.txt").symlink_to(above / "secret.txt")
    return above / "explorer"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    put(folder)
    return folder


@pytest.fixture(scope="module")
def live(models, written):
    with serving(models, "--explore", str(written)) as live:
        yield live


@pytest.fixture(scope="module")
def guarded(models, written, tmp_path_factory):
    token = tmp_path_factory.mktemp("token") / "token"
    token.write_text("sesame")
    with serving(models, "--explore", str(written), "--token-file", str(token)) as live:
        yield live


def raw_status(live, target):
    """Return the status of the answer to a path that no client would send as it is."""
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    assert b"secret" not in answer
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("name", sorted(CODE | SECRETS))
def test_files_are_served_unchanged(live, name):
    answer = live.client.get(f"/explore/{name}")
    assert answer.status_code == 200
    assert answer.text == f"what is in {name}"
    assert "'wasm-unsafe-eval'" in answer.headers["content-security-policy"]
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert live.client.head(f"/explore/{name}").content == b""


def test_unchanged_files_are_not_sent_again(live):
    first = live.client.get("/explore/data/0.u8")
    again = live.client.get("/explore/data/0.u8", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/explore", "/explore/"])
def test_the_address_without_a_slash_redirects_to_the_page(live, path):
    answer = live.client.get(path, follow_redirects=True)
    assert str(answer.url) == f"{live.url}/explore/"
    assert answer.text == "what is in index.html"


def test_the_redirect_is_relative_and_works_behind_a_prefix(live):
    assert live.client.get("/explore").headers["location"] == "explore/"


@pytest.mark.parametrize(
    "target",
    [
        "/explore/../secret.txt",
        "/explore/%2e%2e/secret.txt",
        "/explore/..%2fsecret.txt",
        "/explore/models/../../secret.txt",
        "/explore/%2fetc/passwd",
        "/explore//etc/passwd",
        "/explore/..\\secret.txt",
        "/explore/secret.txt%00.js",
        "/explore/link.txt",
        "/explore/models/",
        "/explore/nothing.js",
    ],
)
def test_only_files_in_the_folder_can_be_reached(live, target):
    assert raw_status(live, target) in (400, 404)
    assert live.client.get("/v2/health/live").status_code == 200


def test_a_missing_file_is_reported_like_other_errors(live):
    answer = live.client.get("/explore/nothing.js")
    assert answer.json()["error"].endswith("GET is not supported at this address.")
    assert live.client.post("/explore/app.js").status_code == 405


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_models_and_data_require_the_token(guarded, name):
    assert guarded.client.get(f"/explore/{name}").status_code == 401
    header = {"Authorization": "Bearer sesame"}
    assert guarded.client.get(f"/explore/{name}", headers=header).status_code == 200


@pytest.mark.parametrize("name", sorted(CODE))
def test_the_page_itself_needs_no_token(guarded, name):
    assert guarded.client.get(f"/explore/{name}").status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "/explore//data/0.u8",
        "/explore/./data/0.u8",
        "/explore/app.js/../data/0.u8",
        "/explore/%64ata/0.u8",
        "//explore/data/0.u8",
    ],
)
def test_no_spelling_of_a_path_bypasses_the_token(guarded, target):
    assert raw_status(guarded, target) == 401


def test_code_paths_leave_out_models_and_data(written):
    paths = code_paths(written)
    assert {f"/explore/{name}" for name in CODE} | {"/explore", "/explore/"} <= paths
    assert not {f"/explore/{name}" for name in SECRETS} & paths


def test_the_metadata_say_whether_there_is_an_explorer(live, models):
    assert "explorer" in live.client.get("/v2").json()["extensions"]
    with serving(models) as without:
        assert "explorer" not in without.client.get("/v2").json()["extensions"]
        assert without.status("/explore/") == 404


@pytest.mark.parametrize("missing", ["index.html", "explorer.json"])
def test_a_folder_that_is_not_an_explorer_is_refused(written, tmp_path, missing):
    folder = shutil.copytree(written, tmp_path / "explorer", symlinks=True)
    check_explorer(folder)
    (folder / missing).unlink()
    with pytest.raises(ValueError, match="is not an explorer, expected a folder written by vaefeat explore"):
        check_explorer(folder)


@pytest.mark.slow
def test_the_service_s_page_links_to_the_working_explorer(models, explorer, tmp_path):
    token = tmp_path / "token"
    token.write_text("sesame")
    with serving(models, "--explore", str(explorer), "--token-file", str(token)) as live:
        seen = use_page(Path(__file__).with_name("explorer.mjs"), live.url, "sesame")
    assert "This service asks for a token" in seen["notice"]
    assert seen["title"] == "Latent space"
    assert seen["picture"] == [8, 8]
    assert seen["foreign"] == []
    assert [error for error in seen["errors"] if "status of 401" not in error] == []
