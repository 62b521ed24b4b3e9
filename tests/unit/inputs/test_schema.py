import csv
import io
import json
import subprocess
import sys

import pytest

from shared.inputs.columns import profile_of, required_columns
from shared.inputs.schema import schema, template_csv
from shared.vocabulary import JobType

JOB_TYPES = tuple(JobType)


@pytest.mark.parametrize("job_type", JOB_TYPES)
def test_the_schema_describes_every_column_a_file_may_need(job_type: JobType) -> None:
    described = schema(job_type)
    columns = {column["name"]: column for column in described["columns"]}
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    for names in described["profiles"].values():
        assert set(names) <= set(columns)
    assert columns["market_cap"]["exclusive_minimum"] == 0
    assert columns["inventory"]["minimum"] == 0
    assert columns["total_debt_to_ebitda"]["usual_range"] == [0, None]
    assert columns["reporting_quarter"]["required"] is (job_type == "quarterly")
    assert columns["ebitda"]["required"]
    assert not columns["ebit"]["required"]
    assert ("net_income_margin" in columns) is (job_type == "annual")


@pytest.mark.parametrize("job_type", JOB_TYPES)
def test_the_template_has_the_columns_of_the_statements_profile(job_type: JobType) -> None:
    header, *rows = csv.reader(io.StringIO(template_csv(job_type)))
    assert header == [column.name for column in required_columns(job_type, "statements")]
    assert profile_of(header, job_type) == ("statements", ())
    assert {len(row) for row in rows} == {len(header)}
    assert all(cell for row in rows for cell in row)


def test_the_documentation_is_made_without_numpy() -> None:
    program = "import sys, shared.inputs.schema; sys.exit('numpy' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603
