"""Paging through row errors: every error once and in order, for pages of any size."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.row_errors import Position, RowErrorCounts, RowErrorFilter, RowErrorPage, read_page

# Long values make lines longer than a page's first read; line separators inside must not split one.
values = st.one_of(
    st.text(max_size=10),
    st.sampled_from(["x" * 5_000, "\u2028", "\r\n", "\x85\x0b\x0c\x1c", "y" * 399, '"', "\\n"]),
)
chunk_errors = st.dictionaries(st.integers(0, 12), st.lists(values, max_size=12), max_size=6)


def stored(chunks: Mapping[int, list[str]], *, ascii_only: bool = True) -> dict[int, bytes]:
    return {
        chunk: b"".join(
            json.dumps({"row": row, "value": value}, ensure_ascii=ascii_only).encode() + b"\n"
            for row, value in enumerate(values)
        )
        for chunk, values in chunks.items()
    }


class Objects:
    """Stored error objects that count how they are read."""

    def __init__(self, objects: Mapping[int, bytes]) -> None:
        self.objects = objects
        self.reads: list[tuple[int, int, int]] = []

    def read(self, chunk: int, offset: int, length: int) -> bytes:
        self.reads.append((chunk, offset, length))
        assert length > 0
        return self.objects[chunk][offset : offset + length]


def all_pages(objects: Mapping[int, bytes], limits: list[int]) -> list[RowErrorPage]:
    """Returns all pages from the first on, with the next of `limits` as the size of each."""
    source, pages = Objects(objects), list[RowErrorPage]()
    position: Position | None = Position()
    while position is not None:
        limit = limits[len(pages) % len(limits)]
        page = read_page(objects.keys(), source.read, start=position, limit=limit)
        assert len(page.errors) <= limit
        assert page.following is None or len(page.errors) == limit
        assert page.errors or not pages, "a following page is empty"
        pages.append(page)
        position = page.following
    return pages


def shown(pages: list[RowErrorPage]) -> list[dict[str, Any]]:
    return [error for page in pages for error in page.errors]


@given(chunks=chunk_errors, limits=st.lists(st.integers(1, 30), min_size=1, max_size=4), ascii_only=st.booleans())
def test_pages_of_any_size_return_every_error_once_and_in_order(
    chunks: dict[int, list[str]], limits: list[int], *, ascii_only: bool
) -> None:
    expected = [{"row": row, "value": value} for chunk in sorted(chunks) for row, value in enumerate(chunks[chunk])]
    assert shown(all_pages(stored(chunks, ascii_only=ascii_only), limits)) == expected


def test_page_with_the_last_error_has_no_following_page() -> None:
    objects = stored({0: ["a", "b"], 3: ["c"]})
    page = read_page(objects, Objects(objects).read, start=Position(), limit=3)
    assert (len(page.errors), page.following) == (3, None)


def test_job_without_failed_rows_has_one_empty_page() -> None:
    assert read_page([], Objects({}).read, start=Position(), limit=10) == RowErrorPage(errors=(), following=None)


def test_page_reads_only_the_bytes_that_it_needs() -> None:
    objects = stored({chunk: ["x" * 100] * 1_000 for chunk in range(50)})
    source = Objects(objects)
    page = read_page(objects.keys(), source.read, start=Position(chunk=30), limit=20)
    assert len(page.errors) == 20
    assert {chunk for chunk, _, _ in source.reads} == {30}
    # One more than is returned, to know whether there is another page.
    assert sum(length for _, _, length in source.reads) <= 21 * 400


def test_error_longer_than_the_first_read_is_read_whole() -> None:
    objects = stored({0: ["v" * 40_000, "w"]})
    assert [error["value"][:1] for error in shown(all_pages(objects, [1]))] == ["v", "w"]


def test_chunks_committed_between_two_pages_do_not_affect_the_next_page() -> None:
    objects = stored({2: ["a", "b", "c"], 5: ["d"]})
    first = read_page({2: b""}, Objects(objects).read, start=Position(), limit=2)
    assert first.following is not None
    rest = read_page(objects, Objects(objects).read, start=first.following, limit=10)
    assert [error["value"] for error in (*first.errors, *rest.errors)] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("start", [Position(chunk=9), Position(chunk=1, offset=10**9)])
def test_position_past_the_end_returns_an_empty_last_page(start: Position) -> None:
    objects = stored({0: ["a"], 1: ["b"]})
    assert read_page(objects, Objects(objects).read, start=start, limit=5) == RowErrorPage(errors=(), following=None)


codes = st.sampled_from(["missing_field", "invalid_number"])
columns = st.sampled_from(["sector", "inventory", None])
invalid_rows = st.lists(st.lists(st.tuples(codes, columns), min_size=1, max_size=3), max_size=30)


@given(
    chunks=st.dictionaries(st.integers(0, 5), invalid_rows, max_size=4),
    code=codes | st.none(),
    column=columns,
    limit=st.integers(1, 5),
    budget=st.integers(0, 2_000),
)
def test_filter_finds_every_matching_row_once_and_agrees_with_the_counts(
    chunks: dict[int, list[list[tuple[str, str | None]]]], code: str | None, column: str | None, limit: int, budget: int
) -> None:
    objects = {
        chunk: b"".join(
            json.dumps({"row": row, "errors": [{"code": c, "column": k} for c, k in groups_of_row]}).encode() + b"\n"
            for row, groups_of_row in enumerate(rows)
        )
        for chunk, rows in chunks.items()
    }
    error_filter = RowErrorFilter(code=code, column=column)
    found: list[tuple[int, int]] = []
    position: Position | None = Position()
    while position is not None:
        page = read_page(
            objects,
            lambda chunk, offset, length: objects[chunk][offset : offset + length],
            start=position,
            limit=limit,
            error_filter=error_filter,
            bytes_at_most=budget,
        )
        assert len(page.errors) <= limit
        assert page.following != position
        found += [(error["row"], len(error["errors"])) for error in page.errors]
        position = page.following
    expected = [
        (row, len(groups_of_row))
        for _, rows in sorted(chunks.items())
        for row, groups_of_row in enumerate(rows)
        if any(code in (None, c) and column in (None, k) for c, k in groups_of_row)
    ]
    assert found == expected
    counts = RowErrorCounts.total(
        RowErrorCounts.of(Counter(tuple(groups) for groups in rows)) for rows in chunks.values()
    )
    if code is not None and column is None:
        assert counts.by_code.get(code, 0) == len(expected)
    if code is not None and column is not None:
        assert counts.by_group.get((code, column), 0) == len(expected)
