"""Run the examples, and make a page and a notebook of each."""

import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
from nbclient import NotebookClient
from nbconvert import MarkdownExporter
from nbformat import NotebookNode
from traitlets.config import Config

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "pipelines" / "examples"
BUILT = ROOT / "build" / "gallery"  # kept, so that an example runs again only if it has changed
SECONDS = 600  # that an example may take on a busy machine
AS_PICTURES = Config({"NbConvertBase": {"display_data_priority": ["image/png", "text/plain"]}})
INDEX = """\
# Gallery

Short examples on scikit-learn's digits, each with a notebook to step through.

<div class="grid cards" markdown>

{cards}

</div>
"""


def build() -> list[str]:
    """Write the page, notebook and pictures of each example, and an index; return their names in order."""
    BUILT.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    scripts = sorted(EXAMPLES.glob("*.py"), key=lambda path: (path.stem != "tour", path.stem))
    with ThreadPoolExecutor(2) as pool:
        cards = list(pool.map(_build_page, scripts))
    (BUILT / "index.md").write_text(INDEX.format(cards="\n".join(cards)))
    return [script.stem for script in scripts]


def _build_page(script: Path) -> str:
    """Write the page, the notebook and the pictures of an example; return its entry in the index."""
    name, source = script.stem, script.read_text()
    digest = BUILT / f"{name}.sha256"
    if not digest.exists() or digest.read_text() != hashlib.sha256(source.encode()).hexdigest():
        notebook = run(source)
        jupytext.write(notebook, BUILT / f"{name}.ipynb")
        text, files = page(notebook, name)
        for picture, content in files.items():
            (BUILT / picture).write_bytes(content)
        (BUILT / f"{name}.md").write_text(text)
        digest.write_text(hashlib.sha256(source.encode()).hexdigest())
    return card(name, (BUILT / f"{name}.md").read_text())


def run(source: str) -> NotebookNode:
    """Return the notebook of a script, with the outputs of its cells; an error in a cell is raised."""
    notebook = jupytext.reads(source, fmt="py:percent")
    here = {"metadata": {"path": str(ROOT)}}
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=here).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def page(notebook: NotebookNode, name: str) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as Markdown, and its pictures by their file names."""
    text, resources = MarkdownExporter(config=AS_PICTURES).from_notebook_node(
        notebook, {"unique_key": name, "output_files_dir": ""}
    )
    heading = ""
    lines = []
    for line in text.splitlines():
        heading = re.sub(r"^#+ ", "", line) if re.match(r"#+ [A-Z0-9]", line) else heading
        lines.append(line.replace("![png](", f"![{heading}]("))
    title, rest = "\n".join(lines).strip().split("\n", 1)
    return f"{title}\n\n[Notebook]({name}.ipynb)\n\n{rest.strip()}\n", resources["outputs"]


def card(name: str, text: str) -> str:
    """Return the entry of an example in the index: its last picture and its title."""
    title = text.splitlines()[0].removeprefix("# ")
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    picture = f"\n\n    ![]({pictures[-1]}){{ loading=lazy }}" if pictures else ""
    return f"- [{title}]({name}.md){picture}\n"


if __name__ == "__main__":
    build()
