"""What MkDocs does beside its own: pages and pictures from other folders, and what links to them."""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from docs.site import gallery

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "pipelines" / "results"
PAGES = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md", "security.md": "SECURITY.md"}
ACCESSIBLE = {
    r'(<div class="md-search")': r'\1 aria-label="Search"',
    r'(data-md-level="1") aria-labelledby="__nav_(\d+)_label"': r'\1 aria-label="Part \2"',
    r"<th[^>]*></th>": "<td></td>",
}
OPTIONAL = ["photos.md", "large-data.md"]  # pages that may exist
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Run the examples; put them, and the optional pages that exist, into the navigation."""
    more = {
        "Learn": [page for page in OPTIONAL if (ROOT / "docs" / page).exists()],
        "Gallery": [f"gallery/{name}.md" for name in gallery.build()],
    }
    for section in config.nav:
        for name, pages in section.items() if isinstance(section, dict) else ():
            if isinstance(pages, list):
                pages += more.get(name, [])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages at the top of the repository, the pictures of the results, and the gallery."""
    for page, source in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text()))
    for picture in sorted(RESULTS.rglob("*.png")):
        place = f"results/{picture.relative_to(RESULTS)}"
        files.append(File.generated(config, place, abs_src_path=str(picture)))
    for part in sorted(gallery.BUILT.iterdir()):
        if part.suffix != ".sha256":
            files.append(File.generated(config, f"gallery/{part.name}", abs_src_path=str(part)))
    return files


def on_post_page(output: str, *, page: Any, config: MkDocsConfig) -> str:
    """Mend what the theme's pages lack for those who use a keyboard or a screen reader."""
    for pattern, better in ACCESSIBLE.items():
        output = re.sub(pattern, better, output)
    return output


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
    if target.is_relative_to("pipelines/examples"):
        return f"gallery/{target.stem}.md"
    if target == Path("README.md"):
        return "index.md"
    return next((page for page, source in PAGES.items() if source == target.as_posix()), target.as_posix())
