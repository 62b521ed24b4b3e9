from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.delimited._words import padded, text_hashes


@settings(max_examples=100)
@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=40), max_size=8))
@example(["", "\x01"])
def test_hash_of_a_text_does_not_depend_on_its_position(texts: list[str]) -> None:
    def hashes(written: list[bytes], **options: Any) -> list[int]:
        ends = np.cumsum([len(text) for text in written], dtype=np.int64)
        starts = np.concatenate([[0], ends[:-1]]).astype(np.int64) if written else ends
        found: list[int] = text_hashes(padded(b"".join(written)), starts, ends, **options).tolist()
        return found

    written = [text.encode() for text in texts]
    for text, found in zip(written, hashes(written), strict=True):
        assert [found] == hashes([text])
    assert len(set(hashes(written))) == len(set(written))
    ascii_only = [text for text in written if text.isascii()]
    assert hashes(ascii_only, ignore_case=True) == hashes([text.upper() for text in ascii_only])
