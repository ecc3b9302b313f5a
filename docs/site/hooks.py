"""What MkDocs does beside its own: pages and pictures from other folders, and what links to them."""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "pipelines" / "results"
PAGES = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md", "security.md": "SECURITY.md"}
OPTIONAL = {"Learn": ["photos.md", "large-data.md"]}  # sections of the navigation, and pages that may exist
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the optional pages that exist into the navigation."""
    for section in config.nav:
        for name, pages in section.items() if isinstance(section, dict) else ():
            found = [page for page in OPTIONAL.get(name, ()) if (ROOT / "docs" / page).exists()]
            pages.extend(page for page in found if page not in pages)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages at the top of the repository, and the pictures of the results."""
    for page, source in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text()))
    for picture in sorted(RESULTS.rglob("*.png")):
        place = f"results/{picture.relative_to(RESULTS)}"
        files.append(File.generated(config, place, abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Let links to what the site holds stay in it; show the names of other files of the repository."""
    source = PAGES.get(page.file.src_uri)
    folder = ROOT if source else (ROOT / "docs" / page.file.src_uri).parent
    return LINK.sub(lambda link: _link(link, folder, page.file.src_uri, files), markdown)


def _link(link: re.Match[str], folder: Path, page: str, files: Files) -> str:
    target = (folder / link[3]).resolve().relative_to(ROOT)
    uri = _uri(target)
    if files.get_file_from_path(uri) is None:
        return link[2]
    up = "../" * page.count("/")
    return f"{link[1]}[{link[2]}]({up}{uri}{link[4] or ''})"


def _uri(target: Path) -> str:
    """Return where the site holds a file of the repository, if it does."""
    if target.is_relative_to("docs"):
        return target.relative_to("docs").as_posix()
    if target.is_relative_to("pipelines/results"):
        return f"results/{target.relative_to('pipelines/results').as_posix()}"
    if target == Path("README.md"):
        return "index.md"
    return next((page for page, source in PAGES.items() if source == target.as_posix()), target.as_posix())
