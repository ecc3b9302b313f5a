"""Find ONNX Runtime Web, which runs the decoders in the page: an npm package, not part of the wheel."""

from pathlib import Path

PACKAGE = "onnxruntime-web"
# The build for WebAssembly only, which needs no other files.
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


def find_runtime(folder: Path | None = None) -> list[Path]:
    """Return the files of ONNX Runtime Web that a page needs.

    Parameters
    ----------
    folder : Path, optional
        Of the npm package. By default it is found as Node does: in ``node_modules`` of the current folder
        and its parents.

    Returns
    -------
    files : list of Path

    Raises
    ------
    FileNotFoundError
        If it is not found.
    """
    here = Path.cwd()
    folders = [folder] if folder else [above / "node_modules" / PACKAGE for above in (here, *here.parents)]
    for candidate in folders:
        files = [candidate / "dist" / name for name in FILES]
        if all(file.is_file() for file in files):
            return files
    where = f"in {folder}" if folder else "in node_modules, here or in a parent folder"
    raise FileNotFoundError(
        f"{PACKAGE} was not found {where}. Install it with: npm install --no-save {PACKAGE}; "
        "or pass the folder of the package with --onnxruntime-web."
    )
