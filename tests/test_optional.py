import json
import sys

import pytest

from vaefeat._optional import import_optional
from vaefeat.exceptions import MissingExtraError, VaefeatError


@pytest.mark.parametrize("extra", ["train", None])
def test_a_module_that_is_installed_is_returned(extra):
    assert import_optional("json", extra) is json
    assert import_optional("os.path", extra) is sys.modules["os.path"]


def test_a_missing_package_ends_in_the_command_that_installs_it():
    with pytest.raises(MissingExtraError) as caught:
        import_optional("no_such_package", "train")
    assert (
        str(caught.value) == 'no_such_package is not installed. Install it with: pip install "vaefeat[train]"'
    )
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, VaefeatError)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


@pytest.mark.parametrize("extra", ["train", "serve"])
def test_the_extra_that_is_named_is_the_one_asked_for(extra):
    with pytest.raises(MissingExtraError, match=rf'"vaefeat\[{extra}\]"'):
        import_optional("no_such_package", extra)


def test_the_package_that_is_named_is_the_missing_one_and_not_the_one_that_needs_it(tmp_path, monkeypatch):
    (tmp_path / "needs_another.py").write_text("import no_such_package.part")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match=r"^no_such_package is not installed"):
        import_optional("needs_another", "train")


def test_without_an_extra_python_s_own_error_comes_through():
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_package'"):
        import_optional("no_such_package", None)


def test_a_missing_module_of_vaefeat_itself_is_not_blamed_on_an_extra():
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'vaefeat\.no_such_room'"):
        import_optional("vaefeat.no_such_room", "train")


def test_other_errors_of_an_import_come_through(tmp_path, monkeypatch):
    (tmp_path / "broken_module.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError):
        import_optional("broken_module", "train")
