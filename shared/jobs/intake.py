"""Intake: from an object in the uploads bucket to a running job. There is no other way in."""

import logging
from dataclasses import dataclass
from uuid import UUID

from shared.jobs.errors import TransitionRefusedError
from shared.jobs.job import Job, JobStatus, Phase, Source, StoredInput, UploadOptions, dropped_job_id, utc_now
from shared.jobs.lifecycle import fail_job
from shared.jobs.metadata_options import InvalidOptionError, metadata_options
from shared.jobs.ports import Clock, JobStore, UploadStore, Workflow
from shared.jobs.uploads import ArrivedObject, DropTarget, drop_target, uploaded_job_id

logger = logging.getLogger(__name__)

S3_DROP_USER = str(Source.S3_DROP)


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Starts the jobs of arrived objects. Every event may come any number of times, in any order."""

    store: JobStore
    uploads: UploadStore
    workflow: Workflow
    clock: Clock = utc_now

    def receive(self, arrived: ArrivedObject) -> UUID | None:
        """Starts the job of the object. Returns its id; None if the key is that of no job."""
        uploaded = uploaded_job_id(arrived.key)
        if uploaded is not None:
            self._start(uploaded, arrived)
            return uploaded
        target = drop_target(arrived.key)
        if target is None:
            return None
        job_id = dropped_job_id(bucket=arrived.bucket, key=arrived.key, version_id=arrived.version_id)
        options, refusal = self._options(arrived)
        self._create_dropped(job_id, target, arrived, options)
        self._start(job_id, arrived, refusal=refusal)
        return job_id

    def _options(self, arrived: ArrivedObject) -> tuple[UploadOptions, str | None]:
        """Returns the options of a dropped file, and why they are invalid."""
        try:
            return metadata_options(self.uploads.metadata(_stored_input(arrived))), None
        except FileNotFoundError:
            # The workflow fails the job with a message of its own.
            return UploadOptions(), None
        except InvalidOptionError as error:
            return UploadOptions(), f"{error} Correct it and drop the file again."

    def _create_dropped(self, job_id: UUID, target: DropTarget, arrived: ArrivedObject, options: UploadOptions) -> None:
        now = self.clock()
        job = Job(
            id=job_id,
            status=JobStatus.PENDING,
            phase=Phase.AWAITING_UPLOAD,
            job_type=target.job_type,
            source=Source.S3_DROP,
            user_id=S3_DROP_USER,
            organization_id=target.organization_id,
            created_by=S3_DROP_USER,
            original_filename=target.filename,
            file_size=arrived.size,
            options=options,
            created_at=now,
            updated_at=now,
        )
        try:
            self.store.create(job)
        except TransitionRefusedError:
            logger.info("The event of a dropped object came again", extra={"job_id": str(job_id)})

    def _start(self, job_id: UUID, arrived: ArrivedObject, *, refusal: str | None = None) -> None:
        """Queues the job with this version of its file and starts its execution, each unless done before.

        With a `refusal` the job fails instead, and keeps its file like one that cannot be planned.
        """
        stored_input = _stored_input(arrived)
        view = self.store.get(job_id)
        if view is not None and view.job.status is JobStatus.PENDING:
            try:
                self.store.queue(
                    view.job,
                    stored_input=stored_input,
                    execution_arn=self.workflow.execution_arn(job_id),
                    now=self.clock(),
                )
            except TransitionRefusedError:
                logger.info("Another delivery queued the job first", extra={"job_id": str(job_id)})
            view = self.store.get(job_id)
        job = view.job if view else None
        if job is None or job.stored_input != stored_input:
            # The job was deleted, ended before its file came, or has another version as its input.
            logger.warning("An object that no job reads was removed", extra={"job_id": str(job_id)})
            self.uploads.delete(stored_input)
        elif job.status is JobStatus.QUEUED and refusal is not None:
            fail_job(self.store, job_id, error_code="validation_error", error_message=refusal, clock=self.clock)
        elif job.status is JobStatus.QUEUED:
            self.workflow.start(job)


def _stored_input(arrived: ArrivedObject) -> StoredInput:
    return StoredInput(key=arrived.key, version_id=arrived.version_id, size=arrived.size)
