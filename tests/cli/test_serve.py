import pytest

from vaefeat.cli import _serve


@pytest.mark.slow
@pytest.mark.parametrize("package", ["starlette", "uvicorn", "prometheus_client", "orjson"])
def test_missing_packages_are_reported_with_the_command_to_install_them(package, run_fresh):
    script = """
        from typer.testing import CliRunner
        from vaefeat.cli import app
        result = CliRunner().invoke(app, ["serve", "exported"])
        print(result.exit_code, result.output)
    """
    assert run_fresh(script, absent=[package]) == (
        f'1 error {package} is not installed. Install it with: pip install "vaefeat[serve]"'
    )


def test_a_token_is_read_without_its_newline(tmp_path):
    (tmp_path / "token").write_text("secret\n")
    assert _serve._read_token(tmp_path / "token") == "secret"


@pytest.mark.parametrize("text", ["", " \n", "sécret", "two words"])
def test_a_token_that_a_header_cannot_hold_is_refused(text, tmp_path):
    (tmp_path / "token").write_text(text)
    with pytest.raises(ValueError, match="Expected one word of ASCII characters"):
        _serve._read_token(tmp_path / "token")
