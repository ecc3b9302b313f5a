import asyncio
import gzip
import zlib

import pytest

from vaefeat.serving.errors import ServingError
from vaefeat.serving.http.bodies import Bodies
from vaefeat.serving.http.errors import ClientGoneError, outcome_of
from vaefeat.serving.memory import Memory

TEXT = b"rows of numbers " * 100


def messages(*chunks):
    """Return a receive() that gives the chunks of a body, and then never anything again."""
    rest = [
        {"type": "http.request", "body": chunk, "more_body": k + 1 < len(chunks)}
        for k, chunk in enumerate(chunks)
    ]

    async def receive():
        if not rest:
            await asyncio.sleep(60)
        return rest.pop(0)

    return receive


def read(receive, *, bodies=None, limit=10_000, **headers):
    bodies = bodies or Bodies(Memory(share=0))
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}

    async def main():
        async with bodies.reading(receive, named, limit) as body:
            assert bodies.memory.n_bytes >= len(body)
            return body

    try:
        return asyncio.run(main())
    finally:
        assert bodies.memory.n_bytes == 0


@pytest.mark.parametrize(
    "chunks", [[TEXT], [TEXT[:7], TEXT[7:]], [b"", TEXT, b""], [bytes([b]) for b in TEXT]]
)
def test_a_body_is_read_in_any_number_of_chunks(chunks):
    assert read(messages(*chunks)) == TEXT


def test_a_request_may_have_no_body():
    assert read(messages(b"")) == b""


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", " GZIP "])
def test_a_compressed_body_is_decompressed(compress, encoding):
    assert read(messages(compress(TEXT)), content_encoding=encoding) == TEXT


@pytest.mark.parametrize(
    ("receive", "headers", "status"),
    [
        (messages(bytes(101)), {}, 413),
        (messages(*[bytes(10)] * 11), {}, 413),
        (messages(), {"content_length": "101"}, 413),
        (messages(), {"content_length": "9" * 5000}, 413),
        (messages(gzip.compress(bytes(101))), {"content_encoding": "gzip"}, 413),
        (messages(bytes(3)), {"content_encoding": "br"}, 415),
        (messages(bytes(3)), {"content_encoding": "gzip, gzip"}, 415),
        (messages(b"no gzip"), {"content_encoding": "gzip"}, 400),
        (messages(b""), {"content_encoding": "gzip"}, 400),
        (messages(gzip.compress(bytes(50))[:-1]), {"content_encoding": "gzip"}, 400),
        (messages(gzip.compress(b"a") * 2), {"content_encoding": "gzip"}, 400),
    ],
)
def test_bodies_that_are_too_large_or_wrongly_encoded_are_refused(receive, headers, status):
    with pytest.raises(ServingError) as caught:
        read(receive, limit=100, **headers)
    assert outcome_of(caught.value).status == status


def test_a_decompression_bomb_is_not_unpacked():
    bomb = gzip.compress(bytes(200 * 2**20))
    with pytest.raises(ServingError) as caught:
        read(messages(bomb), limit=2**20, content_encoding="gzip")
    assert outcome_of(caught.value).status == 413


def test_an_unfinished_body_times_out():
    rest = [{"type": "http.request", "body": b"a", "more_body": True}]

    async def receive():
        return rest.pop() if rest else await asyncio.sleep(60)

    with pytest.raises(ServingError, match=r"did not arrive within 0\.05 s") as caught:
        read(receive, bodies=Bodies(Memory(share=0), seconds=0.05))
    assert outcome_of(caught.value).status == 408


def test_a_body_of_which_nothing_arrives_times_out():
    with pytest.raises(ServingError, match=r"did not arrive within 0\.05 s"):
        read(messages(), bodies=Bodies(Memory(share=0), seconds=0.05))


def test_a_closed_connection_is_noticed():
    async def receive():
        return {"type": "http.disconnect"}

    with pytest.raises(ClientGoneError):
        read(receive)


def test_the_total_memory_of_bodies_is_limited():
    bodies = Bodies(Memory(max_bytes=150, share=0))

    async def main():
        async with bodies.reading(messages(bytes(100)), {}, 1000):
            with pytest.raises(ServingError, match="as many large requests as it can") as caught:
                async with bodies.reading(messages(bytes(50), bytes(50)), {}, 1000):
                    pass
            assert outcome_of(caught.value).status == 429
            assert bodies.memory.n_bytes == 100
        async with bodies.reading(messages(bytes(100)), {}, 1000):
            pass

    asyncio.run(main())
    assert bodies.memory.n_bytes == 0


def test_large_bodies_leave_every_small_one_its_share():
    bodies = Bodies(Memory(max_bytes=150, share=10))

    async def main():
        async with bodies.reading(messages(bytes(160)), {}, 1000):
            assert bodies.memory.n_bytes == 150
            with pytest.raises(ServingError, match="as many large requests as it can"):
                async with bodies.reading(messages(bytes(5), bytes(6)), {}, 1000):
                    pass
            async with bodies.reading(messages(bytes(5), bytes(5)), {}, 1000):
                assert bodies.memory.n_bytes == 150

    asyncio.run(main())
    assert bodies.memory.n_bytes == 0


def test_responses_that_are_not_read_yet_count_too():
    bodies = Bodies(Memory(max_bytes=150, share=10))
    with bodies.memory.holding(160), pytest.raises(ServingError, match="as many"), bodies.memory.holding(11):
        pass
    assert bodies.memory.n_bytes == 0
