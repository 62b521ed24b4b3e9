"""The file of a retry, from the result files of its parent."""

from shared.aws.results_bucket import ResultsBucket
from shared.aws.upload_bucket import UploadBucket
from shared.jobs.job import Job, Outcome, Retry
from shared.jobs.retries import RETRIED_OUTCOMES
from shared.scoring.retry_rows import retry_file


class ParentFiles:
    """`RetryFiles` on S3, in constant memory however large the files are."""

    def __init__(self, *, uploads: UploadBucket, results: ResultsBucket) -> None:
        self._uploads = uploads
        self._results = results

    def write_rows(self, parent: Job, child: Job, retry: Retry) -> None:
        files = [
            self._results.result_blocks(parent.id, outcome) for outcome in RETRIED_OUTCOMES if outcome in retry.outcomes
        ]
        has_source_row = parent.retry is not None and parent.retry.has_source_row
        self._uploads.put_blocks(child.id, retry_file(files, has_source_row=has_source_row))

    def copy_input(self, parent: Job, child: Job) -> None:
        bucket, key = self._results.result_source(parent.id, Outcome.UNPROCESSED)
        self._uploads.copy_from(bucket, key, job_id=child.id)
