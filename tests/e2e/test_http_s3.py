"""What planning is measured with, apart from the local cloud: an S3 over HTTP that has one file."""

from contextlib import closing
from pathlib import Path

from shared.inputs.streams import BLOCK_BYTES
from tests.tools.benchmarks import planned_process
from tests.tools.benchmarks.http_s3 import served
from tests.tools.benchmarks.inputs import write_large_csv
from tests.tools.benchmarks.planning import read_file


def test_plan_of_a_file_is_the_same_from_s3_and_from_disk(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    size = write_large_csv(path, at_least_bytes=1_500_000)
    with served(path) as s3:
        for _ in range(2):
            with closing(s3.get_object(Bucket="any", Key="any")["Body"]) as body:
                assert planned_process.plan(path, body) == planned_process.plan(path) > 5_000
        with closing(s3.get_object(Bucket="any", Key="any")["Body"]) as body:
            assert body.read() == path.read_bytes()
    assert read_file(path) == -(-size // BLOCK_BYTES)
