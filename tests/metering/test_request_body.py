"""Bodies as they are sent: gzip and zstd, whole, damaged, and as bombs."""

import gzip
import io
import sys
import time
import tracemalloc
from collections.abc import Callable

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from metering.request_body import (
    BodyTooLarge,
    BodyUnreadable,
    UnknownEncoding,
    read_body,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compress = Callable[[bytes], bytes]
LIMIT = 4_000_000
COMPRESS: dict[str, Compress] = {"gzip": gzip.compress, "zstd": zstd.compress}


def read(body: bytes, encoding: str, limit: int = LIMIT) -> bytes:
    headers = {"Content-Encoding": encoding}
    return read_body(RequestFactory().post("/", body, "application/json", headers=headers), limit)


@given(parts=st.lists(st.binary(max_size=3000), min_size=1, max_size=4), repeat=st.integers(1, 300))
@pytest.mark.parametrize("encoding", COMPRESS)
def test_what_was_compressed_comes_out_again(
    encoding: str, parts: list[bytes], repeat: int
) -> None:
    """Frames, like gzip members, may follow each other."""
    parts = [part * repeat for part in parts]
    assert read(b"".join(COMPRESS[encoding](part) for part in parts), encoding) == b"".join(parts)


def test_a_frame_without_its_size_is_read() -> None:
    """A client that streams does not know how much is to come."""
    stream = zstd.ZstdCompressor()
    body = b"".join(stream.compress(b"a" * 100_000) for _ in range(10)) + stream.flush()
    assert read(body, "zstd") == b"a" * 1_000_000


def test_what_is_damaged_is_said() -> None:
    whole = zstd.compress(b"events" * 1000)
    for damaged in (whole[:-1], whole[:5], whole + b"x", b"", b"{}", gzip.compress(b"{}")):
        with pytest.raises(BodyUnreadable, match="zstd"):
            read(damaged, "zstd")


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_bomb_is_noticed_before_it_is_unpacked(encoding: str) -> None:
    bomb = COMPRESS[encoding](b" " * 200_000_000)
    tracemalloc.start()
    with pytest.raises(BodyTooLarge):
        read(bomb, encoding, limit=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


def test_a_frame_that_asks_for_a_large_window_is_refused() -> None:
    """RFC 9659 allows 8 MiB; a decoder that took any would set 128 MiB aside for a few bytes."""
    out = io.BytesIO()
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 27}
    with zstd.ZstdFile(out, "wb", options=options) as stream:
        stream.write(b"{}")
    with pytest.raises(BodyUnreadable, match="zstd"):
        read(out.getvalue(), "zstd")


@pytest.mark.parametrize("encoding", COMPRESS)
def test_many_empty_members_cost_little(encoding: str) -> None:
    began = time.monotonic()
    with pytest.raises(BodyUnreadable, match="members"):
        read(COMPRESS[encoding](b"") * 50_000, encoding)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("encoding", ["gzip, zstd", "zstd, gzip", "gzip,gzip", "br", "deflate"])
def test_other_encodings_and_chains_are_not_taken(encoding: str) -> None:
    with pytest.raises(UnknownEncoding, match="identity, gzip, zstd"):
        read(b"{}", encoding)


@pytest.mark.parametrize("encoding", ["", "identity", " GZIP ", "ZSTD"])
def test_names_of_encodings_know_no_case(encoding: str) -> None:
    body = COMPRESS.get(encoding.strip().lower(), bytes)(b"{}")
    assert read(body, encoding) == b"{}"
