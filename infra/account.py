"""What the deployer's credentials show of the account, and of a stack that is deployed there."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.stages import Stage

# Lambda leaves this many executions to functions without a reservation.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
_UNRESERVABLE = 100
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


class DeployError(Exception):
    """The deployment cannot proceed. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """An AWS account and region, with the session of the deployer."""

    session: boto3.Session
    number: str
    region: str

    @classmethod
    def of_credentials(cls) -> "Account":
        """Returns the account of the deployer's credentials. Raises `DeployError`."""
        # The session that the AWS CLI would use: boto3 alone does not read AWS_REGION.
        session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
        if session.region_name is None:
            raise DeployError("No AWS region is set. Set AWS_REGION, or a region in your AWS profile.")
        try:
            number: str = session.client("sts").get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            raise DeployError(f"Your AWS credentials are not valid: {error}") from error
        return cls(session, number, session.region_name)

    def is_bootstrapped(self, qualifier: str) -> bool | None:
        """Whether the account has the bootstrap stack of cdk with this qualifier; None if the deployer may not look."""
        ssm = self.session.client("ssm")
        try:
            ssm.get_parameter(Name=f"/cdk-bootstrap/{qualifier}/version")
        except ssm.exceptions.ParameterNotFound:
            return False
        except ClientError as error:
            if not _is_denied(error):
                raise
            return None
        return True

    def outputs(self, stack_name: str) -> dict[str, str]:
        """Returns the outputs of a stack; empty if it is not deployed."""
        try:
            (stack,) = self.session.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return {}
            raise
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def settings(self, stack_name: str) -> dict[str, object]:
        """Returns the settings that a stack was deployed with; empty if it has none or is not deployed."""
        found: dict[str, object] = json.loads(self.outputs(stack_name).get("Settings", "{}"))
        return found

    def status(self, stack_name: str) -> str | None:
        """Returns the status of a stack; None if it does not exist."""
        try:
            (stack,) = self.session.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            raise
        return str(stack["StackStatus"])

    def empty_buckets(self, stack_name: str) -> None:
        """Deletes all object versions and unfinished uploads: CloudFormation deletes only empty buckets."""
        # Not `describe_stack_resources`, which returns at most 100 resources.
        pages = self.session.client("cloudformation").get_paginator("list_stack_resources")
        for page in pages.paginate(StackName=stack_name):
            for resource in page["StackResourceSummaries"]:
                if resource["ResourceType"] == "AWS::S3::Bucket" and resource["ResourceStatus"] != "DELETE_COMPLETE":
                    self._empty(resource["PhysicalResourceId"])

    def _empty(self, name: str) -> None:
        bucket = self.session.resource("s3").Bucket(name)
        for upload in bucket.multipart_uploads.all():
            upload.abort()
        for answer in bucket.object_versions.delete():
            for error in answer.get("Errors", []):
                raise DeployError(f"{error.get('Key')} of {name} could not be deleted: {error.get('Message')}")

    def check_certificate(self, stage: Stage) -> None:
        """Raises `DeployError` for a certificate that the API could not use."""
        if stage.domain is None:
            return
        region = stage.domain.certificate_arn.split(":")[3]
        if region != self.region:
            raise DeployError(
                f"The certificate of {stage.domain.name} is in {region}, and the stack in {self.region}. Request a "
                f"certificate in {self.region}, or deploy to {region}."
            )

    def check_concurrency(self, stage: Stage, deployed: Mapping[str, object]) -> str:
        """Returns a sentence on the concurrency of the account and what the stage does with it.

        Raises `DeployError` if Lambda would refuse the reservation of the stage, which would end the deployment in the
        middle.
        """
        try:
            limits = self.session.client("lambda").get_account_settings()["AccountLimit"]
        except ClientError as error:
            if not _is_denied(error):
                raise
            return "Your credentials may not read the Lambda concurrency of the account (lambda:GetAccountSettings)."
        quota, unreserved = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
        before = deployed.get("score_concurrency")
        available = unreserved + (before if isinstance(before, int) else 0) - _UNRESERVABLE
        wanted = stage.score_concurrency
        allowed = f"This account may run {quota:,} functions at once, {unreserved:,} of them unreserved."
        more = "A higher quota (Service Quotas, AWS Lambda, Concurrent executions) costs nothing."
        if wanted > max(available, 0):
            at_most = f"at most {available:,}, or to 0 for no reservation" if available > 0 else "0"
            raise DeployError(
                f"{allowed} Lambda keeps {_UNRESERVABLE} unreserved, so {wanted:,} cannot be reserved for score. Set "
                f"score_concurrency to {at_most}. {more}"
            )
        if wanted:
            return f"{allowed} At most {wanted:,} score chunks, of all jobs together."
        if stage.map_concurrency < unreserved:
            return f"{allowed} One job scores up to {stage.map_concurrency:,} chunks at once."
        return (
            f"{allowed} One job may use all of them (map_concurrency is {stage.map_concurrency:,}), and the API and "
            f"sign-in wait meanwhile. Set map_concurrency to {max(unreserved // 2, 1):,} or less. {more}"
        )


def _is_denied(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in _DENIED
