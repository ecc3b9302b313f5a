import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from vaefeat.data.images import read_images
from vaefeat.exceptions import DatasetCorruptError

PIXELS = np.array([[0, 255, 0], [51, 0, 255]], np.uint8)


def save(path, pixels=PIXELS, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)


def test_subfolders_are_classes_and_other_images_are_unlabeled(tmp_path):
    save(tmp_path / "b" / "1.png")
    save(tmp_path / "a" / "deeper" / "2.png")
    save(tmp_path / "3.png")
    (tmp_path / "notes.txt").write_text("no image")
    X, y, shape = read_images(tmp_path)
    assert y.tolist() == [-1, "a", "b"]
    assert shape == (2, 3)
    assert_array_equal(X, np.tile(PIXELS.ravel() / np.float32(255), (3, 1)))


@pytest.mark.parametrize("mode", ["1", "P"])
def test_gray_images_of_other_modes_are_read(mode, tmp_path):
    save(tmp_path / "a.png", PIXELS // 255 * 255, mode)
    assert set(read_images(tmp_path)[0].ravel()) == {0.0, 1.0}


def test_images_of_sixteen_bits_are_read(tmp_path):
    save(tmp_path / "a.png", PIXELS.astype(np.uint16) * 257)
    assert_array_equal(read_images(tmp_path)[0][0], PIXELS.ravel() / np.float32(255))


def test_images_of_two_shapes_are_refused(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "b.png", PIXELS.T)
    with pytest.raises(DatasetCorruptError, match=r"b\.png has 3x2 pixels, but a\.png 2x3: resize"):
        read_images(tmp_path)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_gray_images_in_color_modes_are_read_as_gray(mode, tmp_path):
    save(tmp_path / "a.png", PIXELS, mode)
    assert_array_equal(read_images(tmp_path)[0][0], PIXELS.ravel() / np.float32(255))


def test_where_one_image_is_in_color_all_have_three_channels(tmp_path):
    colors = np.random.default_rng(0).integers(0, 256, (2, 3, 3)).astype(np.uint8)
    save(tmp_path / "a.png")
    save(tmp_path / "b.png", colors)
    save(tmp_path / "c.png")
    X, _, shape = read_images(tmp_path)
    assert shape == (2, 3, 3)
    assert_array_equal(X[1], colors.ravel() / np.float32(255))
    for row in X[[0, 2]].reshape(2, 6, 3):
        assert_array_equal(row, np.stack([PIXELS.ravel() / np.float32(255)] * 3, axis=1))


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(DatasetCorruptError, match="has no images"):
        read_images(tmp_path)


def test_a_damaged_image_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(DatasetCorruptError, match=r"Cannot read a\.png"):
        read_images(tmp_path)
