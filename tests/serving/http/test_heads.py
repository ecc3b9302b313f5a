import pytest

from vaefeat.serving.errors import InvalidRequestError
from vaefeat.serving.http.heads import SMALL_BYTES, Head, simple_head, target_of

URL = b"/v2/models/linear/infer"
LENGTH = (b"content-length", b"10")


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/v2/models/a/infer", ("a", None)),
        ("/v2/models/a/versions/3/infer", ("a", "3")),
        ("/v2/models//infer", None),
        ("/v2/models/a/versions//infer", None),
        ("/v2/models/a/b/infer", None),
        ("/v2/models/a/infer/", None),
        ("v2/models/a/infer", None),
        ("/v2/models/a", None),
    ],
)
def test_the_address_names_the_model_and_its_version(path, target):
    assert target_of(path) == target


def test_a_head_says_how_the_body_is_read_and_the_response_is_written():
    assert Head.of("a", "1", {}) == ("a", "1", None, False)
    headers = {b"inference-header-content-length": b"12", b"accept-encoding": b"br , gzip"}
    assert Head.of("a", None, headers) == ("a", None, 12, True)


@pytest.mark.parametrize("text", [b"", b"-1", b"x", b"9" * 19])
def test_the_length_of_the_json_is_a_number(text):
    headers = {b"inference-header-content-length": text}
    with pytest.raises(InvalidRequestError, match="Expected a number of bytes"):
        Head.of("a", None, headers)
    assert simple_head(URL, [LENGTH, *headers.items()]) is None


def test_a_request_of_a_small_body_is_simple():
    assert simple_head(URL, [(b"host", b"localhost"), LENGTH]) == ("linear", None, None, False)
    assert simple_head(URL, [(b"content-length", b"%d" % SMALL_BYTES)]) is not None


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (URL, []),
        (URL, [(b"transfer-encoding", b"chunked")]),
        (URL, [(b"content-length", b"%d" % (SMALL_BYTES + 1))]),
        (URL, [LENGTH, (b"content-encoding", b"gzip")]),
        (URL, [LENGTH, (b"expect", b"100-continue")]),
        (URL + b"?a=b", [LENGTH]),
        (b"/v2/models/%61/infer", [LENGTH]),
        (b"/v2/models/linear", [LENGTH]),
    ],
)
def test_anything_else_is_not_simple(url, headers):
    assert simple_head(url, headers) is None
