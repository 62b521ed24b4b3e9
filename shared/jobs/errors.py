"""Errors of jobs.

JobError
├── JobNotFoundError          unknown, deleted, or of another tenant, without saying which
├── JobNotCancellableError    the job has ended
├── JobProcessingError        a delete while the job is processing
├── ResultsNotReadyError      a download before the results are ready
│   ├── ResultsAssemblingError    the job has ended and its files are being assembled
│   └── ResultsGoneError          the stored results of the job no longer exist
├── ExportRefusedError        a result file that is not available in the requested format
├── NothingToRetryError       the job has no rows of the outcomes to retry
├── RetryLimitError           the chain of retries is too long
├── InvalidCursorError        a forged cursor, or one of another caller or filter
├── IdempotencyInFlightError  a request with the same key is still in progress
├── IdempotencyMismatchError  a key that was used with other content before
└── UnavailableError          a dependency did not respond; the call may be repeated
    └── RateLimitedError          a dependency throttles calls

TransitionRefusedError        the record has changed; raised by stores, handled by services
CommitRefusedError            the chunk is already committed, or its job is closed or deleted; as above
"""


class JobError(Exception):
    """Base of the errors that are shown to callers."""

    code = "job_error"


class JobNotFoundError(JobError):
    """The job does not exist for this caller."""

    code = "job_not_found"

    def __init__(self) -> None:
        super().__init__("Job not found or access denied")


class JobNotCancellableError(JobError):
    """The job has ended, so there is nothing to cancel."""

    code = "job_not_cancellable"

    def __init__(self, status: str) -> None:
        super().__init__(f"Cannot cancel job with status '{status}'. Only pending or processing jobs can be cancelled.")


class JobProcessingError(JobError):
    """The job is processing and so cannot be deleted."""

    code = "job_processing"

    def __init__(self) -> None:
        super().__init__(
            "Cannot delete job that is currently processing. Please cancel the job first or wait for it to complete."
        )


class ResultsNotReadyError(JobError):
    """The job has no results to give yet, or never will."""

    code = "results_not_ready"


class ResultsAssemblingError(ResultsNotReadyError):
    """The job has ended and its result files are seconds away."""


class ResultsGoneError(ResultsNotReadyError):
    """The results were deleted or lost, or have expired."""

    def __init__(self) -> None:
        super().__init__("These results of the job are gone. Upload the rows again as a new job.")


class ExportRefusedError(JobError):
    """The result file is not available in the requested format, or too large for it (`too_large`)."""

    code = "not_exportable"

    def __init__(self, sentence: str, *, code: str = code) -> None:
        super().__init__(sentence)
        self.code = code


class NothingToRetryError(JobError):
    """The job has no rows of the outcomes to retry."""

    code = "nothing_to_retry"


class RetryLimitError(JobError):
    """The job is the last of the longest allowed chain of retries."""

    code = "retry_limit"

    def __init__(self, generations: int) -> None:
        super().__init__(
            f"The job is the {generations}th retry in a row, and no more are made. "
            "Download its failed and unprocessed rows, correct them, and upload them as a new job."
        )


class InvalidCursorError(JobError):
    """The cursor was altered, or belongs to another caller or another filter."""

    code = "invalid_cursor"

    def __init__(self) -> None:
        super().__init__("The cursor is not valid for this request. Start again without a cursor.")


class IdempotencyInFlightError(JobError):
    """A request with the same key is still at work."""

    code = "idempotency_in_flight"

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is still being worked on. Try again in a few seconds.")


class IdempotencyMismatchError(JobError):
    """The key was given to a request with another content before."""

    code = "idempotency_mismatch"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for a request with another content. Send that one again, or take a new key."
        )


class UnavailableError(JobError):
    """A dependency of the service did not respond."""

    code = "unavailable"

    def __init__(self) -> None:
        super().__init__("The service is temporarily unavailable. Try again shortly.")


class RateLimitedError(UnavailableError):
    """A service this one depends on has had more calls than it takes."""

    code = "rate_limited"

    def __init__(self) -> None:
        JobError.__init__(self, "There are too many requests at the moment. Try again shortly.")


class TransitionRefusedError(Exception):
    """The job's record was not in a state from which the change is allowed."""


class CommitRefusedError(Exception):
    """The ledger refused a chunk: committed before, or its job is closed or gone."""

    def __init__(self, *, already_committed: bool) -> None:
        super().__init__("already committed" if already_committed else "job closed or gone")
        self.already_committed = already_committed
