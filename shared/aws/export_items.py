"""How exports stand, as attributes of their job's own item: one each, so that two never meet in one write."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.jobs.model import Export, ExportKind, FileFormat, Outcome, timestamp

_KINDS = {
    f"export_{outcome}_{file_format}": ExportKind(outcome, file_format)
    for outcome in Outcome
    for file_format in FileFormat
    if file_format is not FileFormat.CSV
}


def attribute_name(kind: ExportKind) -> str:
    """The attribute that says how the export stands; absent when nothing is known of it."""
    return f"export_{kind.outcome}_{kind.file_format}"


def encode_export(export: Export) -> dict[str, Any]:
    """The attribute's value, the same for equal exports: it is compared whole."""
    return {
        "claimed_at": timestamp(export.claimed_at),
        "is_begun": export.is_begun,
        "attempts": export.attempts,
        "refusal_code": export.refusal_code,
        "refusal": export.refusal,
    }


def decode_exports(item: Mapping[str, Any]) -> dict[ExportKind, Export]:
    """The exports that a decoded item of a job speaks of."""
    return {kind: _decode(item[name]) for name, kind in _KINDS.items() if name in item}


def _decode(value: Mapping[str, Any]) -> Export:
    return Export(
        claimed_at=datetime.fromisoformat(value["claimed_at"]) if value["claimed_at"] is not None else None,
        is_begun=value["is_begun"],
        attempts=int(value["attempts"]),
        refusal_code=value["refusal_code"],
        refusal=value["refusal"],
    )
