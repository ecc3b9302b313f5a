"""ONNX Runtime Web, which runs the decoders in the page: an npm package that the wheel does not contain."""

from pathlib import Path

PACKAGE = "onnxruntime-web"
# Of its many builds: the one for WebAssembly alone, which needs no other file than these.
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


def find_runtime(folder: Path | None = None) -> list[Path]:
    """Return the files of ONNX Runtime Web that a page needs.

    Parameters
    ----------
    folder : Path, optional
        Of the npm package. By default it is looked for as Node does: in ``node_modules`` of the current
        folder and of those above it.

    Returns
    -------
    files : list of Path

    Raises
    ------
    FileNotFoundError
        If it is not there.
    """
    here = Path.cwd()
    folders = [folder] if folder else [above / "node_modules" / PACKAGE for above in (here, *here.parents)]
    for candidate in folders:
        files = [candidate / "dist" / name for name in FILES]
        if all(file.is_file() for file in files):
            return files
    where = f"in {folder}" if folder else "in node_modules, here or above"
    raise FileNotFoundError(
        f"{PACKAGE} was not found {where}. Install it with: npm install --no-save {PACKAGE}; "
        "or name the folder of the package by --onnxruntime-web."
    )
