import subprocess
import sys

import pytest

from pipelines.experiments.report import replace_section


@pytest.mark.slow
def test_the_documents_match_the_rows():
    command = [sys.executable, "-m", "pipelines.experiments.report", "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_only_the_content_between_the_marks_is_replaced():
    for old in ("", "\n\nold\nolder\n\n"):
        text = f"a\n<!-- t -->{old}<!-- /t -->\nb"
        assert replace_section(text, "t", "new") == "a\n<!-- t -->\n\nnew\n\n<!-- /t -->\nb"


def test_a_missing_section_is_named():
    with pytest.raises(ValueError, match="There is no section 't'"):
        replace_section("nothing", "t", "new")
