"""Functions that the API invokes asynchronously: one writes retry files, the other exports."""

from aws_cdk import Duration
from constructs import Construct

from infra.function import Function, allow
from infra.stages import Stage
from infra.storage import Storage


class Retries(Construct):
    """The retry function: invoked by the API, and again by reconcile when that invocation was lost."""

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
                allow("s3:ListBucket", on=[results.bucket_arn], key_prefixes=["results/*"]),
                allow("s3:PutObject", "s3:AbortMultipartUpload", on=[uploads.arn_for_objects("api/*")]),
            ],
        )


class Exports(Construct):
    """The export function: converts a result file to another format when a caller first requests it."""

    def __init__(self, scope: Construct, *, stage: Stage, storage: Storage) -> None:
        super().__init__(scope, "Exports")
        table, results = storage.table.table_arn, storage.results
        exports = results.arn_for_objects("exports/*")
        self.function = Function(
            self,
            "export",
            stage=stage,
            dependencies="export",
            memory_mib=1769,  # one full core: both writers work in one thread
            timeout=Duration.minutes(15),
            # A workbook of 50 million cells is written to disk twice, about 60 bytes a cell, before it is zipped.
            ephemeral_storage_mib=10_240,
            environment={
                "TABLE_NAME": storage.table.table_name,
                "RESULTS_BUCKET": results.bucket_name,
            },
            statements=[
                allow("dynamodb:Query", "dynamodb:UpdateItem", on=[table]),
                allow("s3:GetObject", on=[results.arn_for_objects("results/*")]),
                allow("s3:ListBucket", on=[results.bucket_arn], key_prefixes=["results/*"]),
                allow("s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject", on=[exports]),
            ],
        )
