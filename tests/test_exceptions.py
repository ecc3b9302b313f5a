import builtins
import inspect
import pickle
import re

import pytest

from vaefeat import exceptions
from vaefeat.exceptions import VaefeatError

CLASSES = {
    name: cls for name, cls in inspect.getmembers(exceptions, inspect.isclass) if not issubclass(cls, Warning)
}
SUBCLASSES = {name: cls for name, cls in CLASSES.items() if cls is not VaefeatError}
# A line of the drawing: its branch, the name, and the exception of Python's own that it also is.
BRANCH = re.compile(r"^ *([| ]*[|`]--) (\w+) +(?:\((\w+)\))?", re.MULTILINE)


def test_the_drawing_shows_every_exception_and_no_other():
    assert sorted(name for _, name, _ in BRANCH.findall(exceptions.__doc__)) == sorted(SUBCLASSES)


def test_the_drawing_tells_the_builtin_that_each_one_is():
    for _, name, builtin in BRANCH.findall(exceptions.__doc__):
        if builtin:
            assert CLASSES[name].__bases__[1] is getattr(builtins, builtin)


def test_the_drawing_hangs_each_one_below_its_parent():
    for branch, name, _ in BRANCH.findall(exceptions.__doc__):
        parent = CLASSES[name].__bases__[0]
        assert (parent is VaefeatError) == (len(branch) == 3)


@pytest.mark.parametrize("cls", SUBCLASSES.values())
def test_every_exception_is_caught_by_the_common_base_and_by_a_builtin(cls):
    assert issubclass(cls, VaefeatError)
    assert any(base.__module__ == "builtins" and base is not Exception for base in cls.__mro__[:-3])


@pytest.mark.parametrize("cls", CLASSES.values())
def test_every_exception_keeps_its_message_when_pickled(cls):
    error = pickle.loads(pickle.dumps(cls("what went wrong")))
    assert type(error) is cls
    assert str(error) == "what went wrong"


def test_every_exception_has_a_docstring():
    assert all(cls.__doc__ for cls in CLASSES.values())
