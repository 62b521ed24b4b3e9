"""What writes the file of a retry from the results of its parent."""

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, allow
from infra.stages import Stage
from infra.storage import Storage


class Retries(Construct):
    """The retry function: invoked by the API, and again by the sweep when that was lost."""

    def __init__(self, scope: Construct, *, stage: Stage, storage: Storage) -> None:
        super().__init__(scope, "Retries")
        uploads, results = storage.uploads, storage.results
        self.function = Function(
            self,
            "retry",
            stage=stage,
            dependencies="worker",
            memory_mib=1769,  # one full core: it reads and writes up to the largest upload
            timeout=Duration.minutes(15),
            environment={
                "TABLE_NAME": storage.table.table_name,
                "UPLOADS_BUCKET": uploads.bucket_name,
                "RESULTS_BUCKET": results.bucket_name,
            },
            statements=[
                allow("dynamodb:Query", "dynamodb:UpdateItem", on=[storage.table.table_arn]),
                allow("s3:GetObject", on=[results.arn_for_objects("results/*")]),
                allow("s3:ListBucket", on=[results.bucket_arn]),
                allow("s3:PutObject", "s3:AbortMultipartUpload", on=[uploads.arn_for_objects("api/*")]),
            ],
        )
