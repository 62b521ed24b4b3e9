"""The JSON bodies of the API. Their fields are declared here and nowhere else.

The API builds its responses as these types, the OpenAPI document is generated from them, and the client includes this
file, so it needs nothing but the standard library. Later versions may add fields: clients ignore what they do not know.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, NotRequired, TypedDict, TypeVar, get_args

JsonObject = dict[str, Any]

_Type = TypeVar("_Type", bound=type)


class JsonSchema:
    """JSON Schema keywords of a field that its Python type does not express. Type checkers ignore them."""

    def __init__(self, **keywords: object) -> None:
        self._keywords = keywords

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Callable[[Any], JsonObject]) -> JsonObject:
        """Returns the schema of the field; called by pydantic."""
        return {**handler(core_schema), **self._keywords}


class OrNull:
    """Documents null for a field that the API leaves out instead. Type checkers ignore it."""

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Callable[[Any], JsonObject]) -> JsonObject:
        """Returns the schema of the field; called by pydantic."""
        return {"anyOf": [handler(core_schema), {"type": "null"}]}


class Rules:
    """Rules of a field of a request body, which pydantic validates and documents. Type checkers ignore them."""

    def __init__(self, **rules: object) -> None:
        self._rules = rules

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], JsonObject]) -> JsonObject:
        """Returns pydantic's own schema of the field; called by pydantic."""
        return {**handler(source), **self._rules}


class NotBoolean:
    """Refuses `true` and `false`, which Python counts among the numbers. Type checkers ignore it."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], JsonObject]) -> JsonObject:
        """Returns pydantic's own schema of the field; called by pydantic."""
        function = {"type": "no-info", "function": _refuse_boolean}
        return {"type": "function-before", "function": function, "schema": handler(source)}


def _refuse_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("expected a number")  # noqa: TRY004 - pydantic reports this one as a field error
    return value


def with_more_fields(body: _Type) -> _Type:
    """Marks a body that has more fields than it declares, such as the columns of the caller's file."""
    body.__pydantic_config__ = {"extra": "allow"}  # type: ignore[attr-defined]
    return body


def without_more_fields(body: _Type) -> _Type:
    """Marks a request body that is invalid with fields that it does not declare."""
    body.__pydantic_config__ = {"extra": "forbid", "hide_input_in_errors": True}  # type: ignore[attr-defined]
    return body


Uuid = Annotated[str, JsonSchema(format="uuid")]
# RFC 3339, in UTC with `Z`.
Timestamp = Annotated[str, JsonSchema(format="date-time")]
Probability = Annotated[float, JsonSchema(minimum=0.0, maximum=1.0, description="Within twelve months")]

MAX_JOBS: Final = 100
"""Jobs in a bulk request."""
MAX_ROWS: Final = 100
"""Rows in a request that scores them at once."""

_NO_CONTROLS: Final = r"^[^\x00-\x1f\x7f]*$"
_LabelKey = Annotated[str, Rules(min_length=1, max_length=64, pattern=_NO_CONTROLS)]
_LabelValue = Annotated[str, Rules(max_length=256, pattern=_NO_CONTROLS)]

StatusName = Literal["pending", "queued", "processing", "completed", "failed"]
PhaseName = Literal["awaiting_upload", "queued", "planning", "scoring", "finalizing", "done"]
JobTypeName = Literal["annual", "quarterly"]
SourceName = Literal["api", "presigned", "s3-drop", "retry"]
TaskStatus = Literal["PENDING", "STARTED", "PROGRESS", "SUCCESS", "FAILURE", "REVOKED"]
Profile = Literal["statements", "ratios"]
RiskLevel = Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]


class Success(TypedDict):
    """The field of every successful JSON response."""

    success: Literal[True]


class HealthResponse(Success):
    """The service is up."""

    status: Literal["ok"]
    version: str


# Jobs


class JobLinks(TypedDict):
    """Paths of a job on the same host."""

    self: str
    status: str
    cancel: str
    results: str
    errors: str
    download: str
    retry: str
    parent: NotRequired[Annotated[str, OrNull()]]


class TaskMeta(TypedDict):
    """Progress under the names that old clients read."""

    current: int
    total: int
    status: str
    successful: int
    failed: int
    job_id: Uuid


class JobErrorDetails(TypedDict):
    """The code of an error of the whole job."""

    error_code: str


class JobSummary(TypedDict):
    """A job in short: the quick status, and an entry of the list."""

    id: Uuid
    status: StatusName
    phase: PhaseName
    job_type: JobTypeName
    original_filename: str
    total_rows: int
    processed_rows: int
    successful_rows: int
    failed_rows: int
    progress_percentage: float
    created_at: Timestamp
    started_at: Timestamp | None
    completed_at: Timestamp | None
    error_message: str | None
    error_details: JobErrorDetails | None
    celery_task_id: str | None
    celery_status: TaskStatus
    celery_meta: TaskMeta | None
    cancelled: bool
    notes_count: int


class JobStatusChanged(JobSummary):
    """The detail of an event: the job after a change of its status. `previous_status` is null for a new job."""

    previous_status: StatusName | None
    organization_id: str | None
    labels: dict[str, str]


class JobStatusResponse(Success):
    """The quick status of a job."""

    job: JobSummary


class JobTotal(TypedDict):
    """The number of jobs in a list; above 1,000 `total` is null and `total_at_least` is there instead."""

    total: int | None
    total_at_least: NotRequired[Annotated[int, OrNull()]]


class Pagination(JobTotal):
    """The position of a page of jobs."""

    limit: int
    offset: int
    has_more: bool
    next_cursor: str | None


class JobListResponse(Success):
    """A page of jobs."""

    jobs: list[JobSummary]
    pagination: Pagination


class FileInfo(TypedDict):
    """The input file; sizes in bytes and MiB, null until it has arrived."""

    original_filename: str
    file_size: int | None
    file_size_mb: float | None


class JobOptions(TypedDict):
    """The options of the upload."""

    validate_only: bool
    max_failed_percent: float | None
    encoding: str | None
    sheet: str | None
    decimal: str | None
    labels: dict[str, str]


class JobNote(TypedDict):
    """An assumption made about the file. `rows` are the first rows it concerns; absent if it is about all of it."""

    code: str
    message: str
    rows: NotRequired[list[int]]


class JobProgress(TypedDict):
    """Rows by outcome."""

    total_rows: int
    processed_rows: int
    successful_rows: int
    failed_rows: int
    progress_percentage: float
    remaining_rows: int


class JobPerformance(TypedDict):
    """Speed, and the time left while the job is processing.

    The time left assumes the rate of the last chunks: those of the last quarter of the scoring, and at least two chunks
    of each worker. It is null until twice the duration of a chunk has passed. In simulations of constant loads, however
    uneven, it is off by at most 12 % of the scoring time on average, and by at most 20 % nine times in ten; a change of
    the load shows once a third of the time until then has passed again.
    """

    processing_time_seconds: float | None
    rows_per_second: float | None
    estimated_completion_seconds: NotRequired[int | None]
    estimated_completion_time: str | None


class JobTimestamps(TypedDict):
    """Times of the job, in UTC."""

    created_at: Timestamp
    started_at: Timestamp | None
    completed_at: Timestamp | None
    updated_at: Timestamp


class JobContext(TypedDict):
    """The owner of the job."""

    user_id: str
    organization_id: str | None
    created_by: str


@with_more_fields
class RowError(TypedDict):
    """Why a row failed: `error` is the first of its errors, `errors` are all of them."""

    row: int
    source_row: NotRequired[
        Annotated[int | None, JsonSchema(description="In a retry: the row's number in the file first uploaded")]
    ]
    company_symbol: str
    column: NotRequired[str | None]
    code: str
    error: str
    errors: NotRequired[Annotated[list[Any], OrNull()]]
    value: NotRequired[str | None]


class RowErrorSample(TypedDict):
    """The first row errors, and the link to the rest."""

    errors: list[RowError]
    truncated: bool
    more: NotRequired[Annotated[str, OrNull()]]


class JobErrors(TypedDict):
    """Errors of the job and of its rows; `error_details` only on request."""

    has_errors: bool
    error_message: str | None
    error_count: int
    error_code: NotRequired[Annotated[str, OrNull()]]
    error_details: NotRequired[Annotated[RowErrorSample, OrNull()]]


class TaskInfo(TypedDict):
    """The workflow under the names of the task queue that used to run jobs."""

    task_id: str | None
    celery_status: TaskStatus
    celery_meta: TaskMeta | None


class WorkflowInfo(TypedDict):
    """The execution that runs the job."""

    execution_arn: str | None
    status: TaskStatus
    phase: PhaseName
    chunks: int
    chunks_done: int


class JobDetails(TypedDict):
    """Everything known about a job."""

    id: Uuid
    status: StatusName
    phase: PhaseName
    job_type: JobTypeName
    source: SourceName
    parent_job_id: Uuid | None
    file_info: FileInfo
    options: JobOptions
    profile: str | None
    model_version: str | None
    notes: list[JobNote]
    notes_count: int
    progress: JobProgress
    performance: JobPerformance
    timestamps: JobTimestamps
    cancelled: bool
    cancelled_at: Timestamp | None
    expires_at: Timestamp | None
    results_ready: bool
    context: JobContext
    errors: JobErrors
    celery_info: TaskInfo
    workflow: WorkflowInfo
    links: JobLinks


class JobDetailsResponse(Success):
    """The details of a job."""

    job: JobDetails


class JobCounts(TypedDict):
    """Jobs in total and by status; cancelled jobs are among the failed ones."""

    total: int
    by_status: Annotated[
        dict[StatusName, int], JsonSchema(propertyNames={"type": "string", "enum": list(get_args(StatusName))})
    ]
    cancelled: int


class RowCounts(TypedDict):
    """Rows of these jobs."""

    total: int
    processed: int
    successful: int
    failed: int


class JobStatistics(TypedDict):
    """Totals and rates of jobs. Rates are null without processed rows, `since` is null when every job is counted."""

    jobs: JobCounts
    rows: RowCounts
    success_rate: float | None
    rows_per_second: float | None
    is_complete: bool
    since: Timestamp | None


class StatisticsResponse(Success):
    """Totals and rates of the caller's jobs."""

    statistics: JobStatistics


class NamedJob(TypedDict):
    """The job that was changed."""

    id: Uuid
    status: StatusName
    job_type: JobTypeName
    original_filename: str


class CancelledJob(NamedJob):
    """`celery_cancelled` is true only if a running execution was stopped."""

    celery_cancelled: bool


class CancelResponse(Success):
    """The job is cancelled."""

    message: str
    cancelled_job: CancelledJob


class DeleteResponse(Success):
    """The job is deleted."""

    message: str
    deleted_job: NamedJob


class BulkOutcome(TypedDict):
    """The outcome for one job of a bulk request: its `status`, or the reason for refusal in `code` and `detail`."""

    job_id: str
    success: bool
    status: NotRequired[Annotated[StatusName, OrNull()]]
    code: NotRequired[Annotated[str, OrNull()]]
    detail: NotRequired[Annotated[str, OrNull()]]


class BulkResponse(Success):
    """An outcome for every job of the request, in their order."""

    results: list[BulkOutcome]
    succeeded: int
    failed: int


@without_more_fields
class BulkRequest(TypedDict):
    """The jobs to act on; one named twice is acted on once."""

    job_ids: Annotated[list[Annotated[str, Rules(max_length=100)]], Rules(min_length=1, max_length=MAX_JOBS)]


# Uploads and retries


@without_more_fields
class UploadRequestOptions(TypedDict, total=False):
    """Options of an upload."""

    validate_only: Annotated[bool, JsonSchema(default=False, description="Check the rows and score none")]
    max_failed_percent: Annotated[
        Annotated[float, Rules(ge=0, le=100, allow_inf_nan=False), NotBoolean()] | None,
        JsonSchema(
            description="The job fails when more rows than this fail, checked from 1,000 rows on and at the end",
        ),
    ]
    labels: Annotated[
        Mapping[_LabelKey, _LabelValue],
        Rules(max_length=10),
        # Otherwise the document allows any value under a key that does not match the pattern.
        JsonSchema(additionalProperties=False, description="The caller's own names and values for the job"),
    ]
    encoding: Annotated[
        Annotated[str, Rules(max_length=40)] | None,
        JsonSchema(description="Of a CSV file that is not UTF-8 and has no byte-order mark"),
    ]
    sheet: Annotated[
        Annotated[str, Rules(max_length=255)] | None,
        JsonSchema(description="Name of the sheet of an Excel workbook; by default the first visible one with data"),
    ]
    decimal: Annotated[
        Literal[".", ","] | None,
        JsonSchema(description="Decimal sign of the figures in text; by default detected from the file"),
    ]


@without_more_fields
class UploadRequest(UploadRequestOptions):
    """Requests a presigned form that uploads a file straight to storage."""

    filename: Annotated[
        str,
        Rules(min_length=1, max_length=1024),
        JsonSchema(description="Ends in .csv, .tsv, .txt, .csv.gz, .tsv.gz or .xlsx"),
    ]
    file_size: NotRequired[
        Annotated[
            # S3 allows 48.8 TiB per object; the limit of the service is a setting.
            Annotated[int, Rules(ge=0, le=10**14, strict=True)] | None,
            JsonSchema(description="Bytes, if known"),
        ]
    ]
    content_sha256: NotRequired[
        Annotated[
            Annotated[str, Rules(pattern=r"^[0-9A-Fa-f]{64}$")] | None, JsonSchema(description="Of the file, in hex")
        ]
    ]


@without_more_fields
class RetryRequest(TypedDict, total=False):
    """The rows to retry; by default those of both outcomes."""

    outcomes: Annotated[
        list[Literal["failed", "unprocessed"]],
        Rules(min_length=1, max_length=10),
        JsonSchema(default=["failed", "unprocessed"], description="Rows of which outcomes"),
    ]


class PresignedForm(TypedDict):
    """A form that uploads one file straight to storage."""

    url: str
    fields: dict[str, str]
    expires_at: Timestamp
    max_bytes: int


class UploadResponse(Success):
    """A job was created; `upload` only when its file has yet to be sent.

    `duplicate_of` is the first job to which the same organization (or user) uploaded the same bytes before, if any.
    """

    message: str
    job_id: Uuid
    task_id: str
    total_rows: int | None
    estimated_time_minutes: float | None
    status: StatusName
    links: JobLinks
    upload: NotRequired[Annotated[PresignedForm, OrNull()]]
    duplicate_of: NotRequired[Annotated[Uuid, OrNull()]]


# Rows and their risk


@without_more_fields
class ScoreRequest(TypedDict):
    """Rows to score at once: the cells by column."""

    rows: Annotated[list[dict[str, str | float | None]], Rules(min_length=1, max_length=MAX_ROWS)]


@with_more_fields
class TopFactor(TypedDict):
    """An input, and how far it moves the row's log-odds; positive is riskier."""


@with_more_fields
class ScoredRow(TypedDict):
    """The input columns as text, then the score."""

    row: int
    default_probability: Probability
    risk_level: RiskLevel
    risk_grade: str
    top_factors: list[TopFactor]
    missing_ratios: list[str]
    out_of_range: list[str]
    model_version: str
    model_basis: str


@with_more_fields
class ValidatedRow(TypedDict):
    """The input columns as text, of a job that only validates rows."""

    row: int


class RowScores(TypedDict):
    """Rows scored at once; every row is in `results` or in `errors`, by its number."""

    profile: Profile
    model_version: str
    total_rows: int
    successful_rows: int
    failed_rows: int
    results: list[ScoredRow]
    errors: list[RowError]
    notes: list[JobNote]


class ScoreResponse(Success, RowScores):
    """Rows scored at once, by the rules and the model of a job type."""

    job_type: JobTypeName


class DefaultProbabilities(TypedDict):
    """Default probabilities of all scored rows. A quantile is within 0.25 % of that of the row at its rank."""

    mean: float
    lowest: float
    highest: float
    quantiles: Annotated[dict[str, float], JsonSchema(description="`p05` to `p99`")]


class SectorRisk(TypedDict):
    """The scored rows of a sector, or of all sectors beyond the largest."""

    rows: int
    mean_default_probability: float
    by_risk_level: dict[str, int]


class NamedSectorRisk(SectorRisk):
    """The scored rows of a sector, named as in the file."""

    sector: str


class RiskyRow(TypedDict):
    """One of the rows of highest default probability."""

    row: int
    company_symbol: str
    company_name: str
    sector: str
    reporting_year: str
    reporting_quarter: NotRequired[str | None]
    default_probability: float
    risk_level: str
    risk_grade: str
    top_factors: list[TopFactor]


class DuplicateRows(TypedDict):
    """Rows of one company and period; at most the first ten."""

    rows: list[int]


class Duplicates(TypedDict):
    """Companies and periods with more than one row, and the number of those rows; not an error of any row."""

    companies_and_periods: int
    rows: int
    examples: list[DuplicateRows]


class FigureGaps(TypedDict):
    """How many scored rows lack a figure, or have it outside its usual range."""

    name: str
    missing: int
    out_of_range: int


class PopulationStability(TypedDict):
    """How far the grades of the job's rows are from those of the model's training data.

    `index` is the population stability index: customarily stable below 0.10, shifted from 0.25 on.
    """

    index: float
    reading: Literal["stable", "moderately_shifted", "shifted", "too_few_rows"]
    training_rows: int
    training_grades: dict[str, int]


class JobRisk(TypedDict):
    """The risk of all scored rows of a job, computed when it ended."""

    rows: int
    model_version: str | None
    default_probability: DefaultProbabilities | None
    by_risk_level: dict[str, int]
    by_risk_grade: dict[str, int]
    by_sector: list[NamedSectorRisk]
    other_sectors: SectorRisk | None
    riskiest: list[RiskyRow]
    duplicates: Duplicates
    figures: list[FigureGaps]
    population_stability: PopulationStability | None
    notes: list[JobNote]


class RowPagination(TypedDict):
    """The position of a page of rows."""

    limit: int
    has_more: bool
    next_cursor: str | None


class ResultLinks(TypedDict):
    """The file of all these rows."""

    download: str


class ResultsResponse(Success):
    """A page of valid rows in row order, and the risk of the whole job."""

    job_id: Uuid
    results: list[ScoredRow | ValidatedRow]
    summary: JobRisk | None
    pagination: RowPagination
    links: ResultLinks


class AssemblingResponse(Success):
    """The job has ended and its file is being made."""

    message: str
    status: StatusName


class DownloadResponse(Success):
    """The address of a file of the job, valid for a few minutes."""

    url: str


# Errors


class RowErrorGroup(TypedDict):
    """The number of rows with an error of this code in this column; null for an error of the row as a whole."""

    code: str
    column: str | None
    rows: int


class RowErrorTotals(TypedDict):
    """Failed rows of a job by error code, and by code and column, the most frequent first."""

    counts_by_code: dict[str, int]
    groups: list[RowErrorGroup]


class RowErrorLinks(TypedDict):
    """The file of the failed rows, to be corrected and uploaded again."""

    failed_rows: str


class RowErrorsResponse(Success, RowErrorTotals):
    """A page of row errors, and counts of the errors of the whole job."""

    errors: list[RowError]
    error_count: int
    links: RowErrorLinks
    pagination: RowPagination


class FieldError(TypedDict):
    """An error of one field. `field` is its path, such as `query.limit`. Never has the value."""

    field: str
    message: str
    code: str


class Problem(TypedDict):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: NotRequired[Annotated[list[FieldError], OrNull(), JsonSchema(default=None)]]


# Columns and models


@with_more_fields
class SchemaColumn(TypedDict):
    """An input column and its rule."""

    name: str
    type: str
    description: str
    required: bool


class FileSchema(TypedDict):
    """The columns that files of a job type may have."""

    job_type: JobTypeName
    profiles: dict[str, list[str]]
    columns: list[SchemaColumn]


class SchemaResponse(Success, FileSchema):
    """The schema of a job type."""


class ModelFeature(TypedDict):
    """An input of a model; `risk` is the direction in which it moves the risk."""

    name: str
    description: str
    risk: str
    steps: int


class ModelDescription(TypedDict):
    """The model of one job type and profile, from its card."""

    job_type: JobTypeName
    profile: Profile
    basis: str
    name: str
    title: str
    version: str
    date: str
    predicts: str
    method: str
    features: list[ModelFeature]
    training_data: JsonObject
    split: JsonObject
    metrics: JsonObject
    looks_at_test_window: int | None
    compared_with_previous: JsonObject | None
    metrics_with_an_input_blank: list[JsonObject]
    calibration: JsonObject
    baselines: list[JsonObject]
    intended_use: str
    not_for: list[str]
    limits: list[str]


class ModelsResponse(Success):
    """The model of each job type and profile."""

    models: list[ModelDescription]
