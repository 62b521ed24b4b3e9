"""What keeps a result file from being had in another format."""

from typing import Literal


class ExportError(Exception):
    """A sentence for people, which names the format that has no such limit."""

    def __init__(self, sentence: str, *, code: Literal["too_large", "not_exportable"] = "too_large") -> None:
        super().__init__(sentence)
        self.code = code
