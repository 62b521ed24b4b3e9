"""Jobs encoded as items of the table and decoded without loss."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from shared.aws.job_items import decode_job, decode_tombstone, encode_job, encode_tombstone, is_tombstone
from shared.aws.table_keys import decode
from shared.jobs.job import Job, JobStatus, JobType, Phase, Source, StoredInput, UploadOptions
from tests.builders import NOON, a_completed_job, a_job

moments = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
)
texts = st.text(min_size=1, max_size=20)
options = st.builds(
    UploadOptions,
    validate_only=st.booleans(),
    max_failed_percent=st.none() | st.floats(0, 100),
    encoding=st.none() | texts,
    labels=st.dictionaries(texts, st.text(max_size=20), max_size=3),
)
stored_inputs = st.builds(StoredInput, key=texts, version_id=texts, size=st.integers(0, 2**45))
new_jobs = st.builds(
    Job,
    id=st.uuids(),
    status=st.sampled_from(JobStatus),
    phase=st.sampled_from(Phase),
    job_type=st.sampled_from(JobType),
    source=st.sampled_from(Source),
    user_id=texts,
    organization_id=st.none() | texts,
    created_by=st.text(max_size=20),
    original_filename=st.text(max_size=20),
    created_at=moments,
    updated_at=moments,
    file_size=st.none() | st.integers(0, 2**45),
    options=options,
    parent_job_id=st.none() | st.uuids(),
    upload_expires_at=st.none() | moments,
    stored_input=st.none() | stored_inputs,
    execution_arn=st.none() | texts,
)


@given(job=new_jobs)
@example(job=a_job(options=UploadOptions(max_failed_percent=1e-300)))
@example(job=a_job(options=UploadOptions(max_failed_percent=0.1 + 0.2)))
def test_new_job_is_decoded_as_it_was_encoded(job: Job) -> None:
    assert decode_job(decode(encode_job(job))) == job


@given(job=new_jobs, now=moments)
def test_tombstone_keeps_what_reconcile_needs_and_no_data_of_the_caller(job: Job, now: datetime) -> None:
    item = decode(encode_tombstone(job, now=now))
    assert is_tombstone(item)
    tombstone = decode_tombstone(item)
    assert (tombstone.id, tombstone.deleted_at, tombstone.stored_input) == (job.id, now, job.stored_input)
    assert item.keys() == {"pk", "sk", "deleted_at", "unsettled", "due_at", "listed_at", "ttl"} | (
        {"stored_input"} if job.stored_input else set()
    )


def test_tombstone_reserves_its_id_for_a_hundred_days() -> None:
    item = decode(encode_tombstone(a_completed_job(), now=NOON))
    assert item["ttl"] == int((NOON + timedelta(days=100)).timestamp())


def test_sort_key_follows_the_order_of_creation() -> None:
    earlier, later = a_job(created_at=NOON), a_job(created_at=NOON + timedelta(milliseconds=1))
    assert decode(encode_job(earlier))["listed_at"] < decode(encode_job(later))["listed_at"]


def test_dropped_file_is_not_in_the_list_of_a_user() -> None:
    dropped = decode(encode_job(replace(a_job(), source=Source.S3_DROP)))
    assert "user_listing" not in dropped
    assert dropped["organization_listing"].startswith("acme|")
