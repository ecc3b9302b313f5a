import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from vaefeat.data.photos import read_cifar, read_olivetti


def jpeg(color):
    content = io.BytesIO()
    Image.new("RGB", (32, 32), color).save(content, "jpeg", quality=100)
    return content.getvalue()


def test_color_images_have_the_channels_of_a_pixel_together(tmp_path):
    for file, color, label in (("train", (255, 0, 0), 3), ("test", (0, 0, 255), 7)):
        table = pa.table({"image": [jpeg(color)], "label": pa.array([label], pa.uint8())})
        pq.write_table(table, tmp_path / f"{file}.parquet")
    X, y = read_cifar(tmp_path)
    assert X.dtype == y.dtype == np.uint8
    assert_array_equal(y, [3, 7])
    assert_allclose(X.reshape(2, -1, 3).mean(axis=1), [[255, 0, 0], [0, 0, 255]], atol=3)


def test_faces_have_whole_gray_values(tmp_path):
    stored = np.arange(12).reshape(3, 4)
    np.savez(tmp_path / "olivetti.npz", X=(stored / 255).astype(np.float32), y=np.arange(3))
    X, y = read_olivetti(tmp_path)
    assert_array_equal(X, stored)
    assert_array_equal(y, np.arange(3))
