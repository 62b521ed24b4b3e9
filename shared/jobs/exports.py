"""Result files in formats other than CSV: made when they are first asked for, once.

A request that finds no file claims the export by one conditional write to the job's record, and asks for it. The
attempt that is then begun belongs to that very claim, so that an event which comes twice or late makes no second file.
A claim older than any function may run is lost, and another request may take its place.
"""

import logging
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.jobs.errors import ExportRefusedError, TransitionRefusedError, UnavailableError
from shared.jobs.model import Export, ExportKind
from shared.jobs.ports import Clock, JobStore

logger = logging.getLogger(__name__)

# Begun and not ended well so often, an export is given up: it kills its function, or takes longer than one may run.
MAX_ATTEMPTS = 3


class ExportFiles(Protocol):
    """Whoever turns result files into other formats."""

    def make(self, job_id: UUID, kind: ExportKind) -> None:
        """Make the file from the CSV of its outcome. Raises `ExportRefusedError` when the format cannot hold it."""

    def remove(self, job_id: UUID, kind: ExportKind) -> None:
        """Remove the file if it is there."""


class Exporting:
    """Makes the exports that were claimed."""

    def __init__(self, *, store: JobStore, files: ExportFiles, clock: Clock) -> None:
        self._store = store
        self._files = files
        self._clock = clock

    def make(self, job_id: UUID, kind: ExportKind, *, claimed_at: datetime) -> None:
        """Make the file of that claim, unless it was begun or given up already or the job is gone."""
        begun = self._begin(job_id, kind, claimed_at=claimed_at)
        if begun is None:
            logger.info("Nothing to export: the claim is not the job's own", extra={"job_id": str(job_id)})
            return
        try:
            self._files.make(job_id, kind)
        except ExportRefusedError as refused:
            refusal = replace(begun, claimed_at=None, is_begun=False, refusal_code=refused.code, refusal=str(refused))
            self._change(job_id, kind, expected=begun, changed=refusal)
        except Exception as error:
            # What a service did not answer is no fault of the file.
            attempts = begun.attempts - isinstance(error, UnavailableError)
            ended = replace(begun, claimed_at=None, is_begun=False, attempts=attempts)
            self._change(job_id, kind, expected=begun, changed=ended)
            if self._is_gone(job_id, kind):
                return  # what could not be read was deleted with it
            raise
        else:
            self._change(job_id, kind, expected=begun, changed=None)
            self._is_gone(job_id, kind)

    def _begin(self, job_id: UUID, kind: ExportKind, *, claimed_at: datetime) -> Export | None:
        view = self._store.get(job_id)
        claimed = view.job.exports.get(kind) if view is not None else None
        if claimed is None or claimed.is_begun or claimed.claimed_at != claimed_at:
            return None
        # A claim may have waited for its function: from now on its age is that of the attempt.
        begun = replace(claimed, claimed_at=self._clock(), is_begun=True, attempts=claimed.attempts + 1)
        return begun if self._change(job_id, kind, expected=claimed, changed=begun) else None

    def _change(self, job_id: UUID, kind: ExportKind, *, expected: Export, changed: Export | None) -> bool:
        try:
            self._store.change_export(job_id, kind, expected=expected, changed=changed)
        except TransitionRefusedError:
            return False  # the job was deleted, or someone else came first
        return True

    def _is_gone(self, job_id: UUID, kind: ExportKind) -> bool:
        """Whether the job was deleted meanwhile; the file is then removed, and nothing of the job comes back."""
        if self._store.get(job_id) is not None:
            return False
        self._files.remove(job_id, kind)
        return True
