"""Time from moving a slider of the explorer to the drawn image, in a headless browser."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from threading import Thread

import numpy as np

from pipelines.benchmarks.common import Progress, Row, images

SCRIPT = Path(__file__).with_suffix(".mjs")
RUNTIME = Path(__file__).parents[2] / "exported" / "examples" / "node_modules" / "onnxruntime-web"
BAR_MS = 50.0


@dataclass(frozen=True)
class Settings:
    hidden_layer_sizes: tuple[int, ...] = (500, 500)
    n_components: tuple[int, ...] = (2, 20)
    n_samples: int = 8000  # a quarter of them is shown
    n_moves: int = 500


SMOKE = Settings((16,), (2,), n_samples=40, n_moves=5)


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Move the slider of the first unit; the weights are random, which does not affect the time."""
    settings = SMOKE if smoke else Settings()
    rows: list[Row] = []
    with TemporaryDirectory() as folder:
        for done, n_components in enumerate(settings.n_components):
            progress(f"{n_components} units", done, len(settings.n_components))
            explorer = _explorer(Path(folder), images(settings.n_samples, smoke), n_components, settings)
            with _served(explorer) as url:
                times = _times(url, settings.n_moves)
            rows.append(
                {
                    "benchmark": "explorer",
                    "name": f"{n_components} units",
                    "n_moves": len(times),
                    "median_ms": median(times),
                    "p95_ms": quantiles(times, n=20)[-1],
                    "bar_ms": BAR_MS,
                }
            )
    return rows


def _explorer(folder: Path, X: np.ndarray, n_components: int, settings: Settings) -> Path:
    from vaefeat import VAEEncoderTransformer, export_onnx

    vae = VAEEncoderTransformer(
        n_components,
        hidden_layer_sizes=settings.hidden_layer_sizes,
        likelihood="bernoulli",
        max_iter=0,
        random_state=0,
    ).fit(X)
    model, out = folder / f"vae-{n_components}", folder / f"explorer-{n_components}"
    export_onnx(vae, model / "model.onnx", X=X)
    (model / "decoder.onnx").write_bytes(vae.decoder_.to_bytes())
    np.save(folder / "images.npy", X)
    command = [sys.executable, "-m", "vaefeat", "explore", model, "--out", out, "--onnxruntime-web", RUNTIME]
    command += ["--data", folder / "images.npy", "--image-shape", "28x28"]
    _run(*command)
    return out


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def _times(url: str, n_moves: int) -> list[float]:
    return json.loads(_run("node", SCRIPT, url, n_moves))


def _run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr}")
    return done.stdout
