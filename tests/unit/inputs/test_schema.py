import csv
import io
import json
import subprocess
import sys

import pytest

from shared.inputs.columns import profile_of, required_columns
from shared.inputs.errors import MissingColumnsError
from shared.inputs.schema import schema, template_csv
from shared.vocabulary import JobType
from tests.added_columns import add_columns, amount_column
from tests.unit.scoring.scored_files import errors_of, score_file

JOB_TYPES = tuple(JobType)


@pytest.mark.parametrize("job_type", JOB_TYPES)
def test_schema_describes_every_column_a_file_may_need(job_type: JobType) -> None:
    described = schema(job_type)
    by_name = {column["name"]: column for column in described["columns"]}
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    for names in described["profiles"].values():
        assert set(names) <= set(by_name)
    assert by_name["market_cap"]["exclusive_minimum"] == 0
    assert by_name["inventory"]["minimum"] == 0
    assert by_name["total_debt_to_ebitda"]["usual_range"] == [0, None]
    assert by_name["reporting_quarter"]["required"] is (job_type == "quarterly")
    assert by_name["ebitda"]["required"]
    assert not by_name["ebit"]["required"]
    assert ("net_income_margin" in by_name) is (job_type == "annual")


@pytest.mark.parametrize("job_type", JOB_TYPES)
def test_template_has_the_columns_of_the_statements_profile(job_type: JobType) -> None:
    header, *rows = csv.reader(io.StringIO(template_csv(job_type)))
    assert header == [column.name for column in required_columns(job_type, "statements")]
    assert profile_of(header, job_type) == ("statements", ())
    assert {len(row) for row in rows} == {len(header)}
    assert all(cell for row in rows for cell in row)


@pytest.mark.parametrize("required", [True, False])
def test_column_added_to_the_table_is_in_schema_template_and_validation(
    monkeypatch: pytest.MonkeyPatch, *, required: bool
) -> None:
    before = template_csv(JobType.ANNUAL)
    add_columns(monkeypatch, amount_column("goodwill", required=required))
    described = {column["name"]: column for column in schema(JobType.ANNUAL)["columns"]}
    assert (described["goodwill"]["required"], described["goodwill"]["minimum"]) == (required, 0)
    template = template_csv(JobType.ANNUAL)
    assert score_file(template).failed == 0
    header, *rows = template.splitlines()
    if required:
        assert header.endswith(",goodwill")
        with pytest.raises(MissingColumnsError, match="goodwill"):
            score_file(before)
    else:
        assert template == before
        # A blank is valid, a number below the minimum is not.
        file = "\n".join([header + ",goodwill", rows[0] + ",", rows[1] + ",-1", rows[2] + ",5", ""])
        assert [(error["row"], error["column"]) for error in errors_of(score_file(file))] == [(2, "goodwill")]


def test_schema_does_not_import_numpy_or_pandas() -> None:
    program = "import sys, shared.inputs.schema; sys.exit('numpy' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603
