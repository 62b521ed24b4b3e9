"""The jobs table and the two buckets."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.encryption import customer_key
from infra.findings import acknowledge
from infra.stages import Stage

# The partition key of each index. All project keys only: the items of a page are read from the table.
LISTINGS = ("organization_listing", "user_listing", "all_listing")

# The record of an ended job expires after 30 days. Its files are kept one day longer.
RESULTS_KEPT = Duration.days(31)
EXPORTS_KEPT = Duration.days(1)

# Of the inputs of jobs in the uploads bucket: uploaded through the API, or dropped.
INPUT_PREFIXES = ("api/*", "drop/*")

# Lambda's name for the records of a stream that could not be processed.
UNPUBLISHED_PREFIX = "aws/lambda/"


class Storage(Construct):
    """The stateful resources: table, buckets and the secret that signs cursors."""

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(scope, "Storage")
        removal = RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY
        self.table = self._jobs_table(stage, removal)
        self.uploads = self._uploads_bucket(stage, removal)
        self.results = self._results_bucket(stage, removal)
        self.cursor_secret = secretsmanager.Secret(
            self,
            "CursorSecret",
            description="Signs the cursors of job lists",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=64, exclude_punctuation=True, include_space=False
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(
            self.cursor_secret,
            "SMG4",
            "Rotation invalidates every cursor in use, so it is left to the deployer.",
        )

    @property
    def cursor_secret_arn(self) -> str:
        """The ARN of the secret. `Ref` would return it too on AWS, but only the name on the local cloud."""
        resource = self.cursor_secret.node.default_child
        if not isinstance(resource, secretsmanager.CfnSecret):
            raise TypeError("the secret's default child is its resource")
        return resource.attr_id

    def _jobs_table(self, stage: Stage, removal: RemovalPolicy) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            "Jobs",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="ttl",
            # The publish function derives status events from it.
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED if customer_key(self) else None,
            encryption_key=customer_key(self),
            deletion_protection=stage.keep_data,
            removal_policy=removal,
        )
        for listing in LISTINGS:
            table.add_global_secondary_index(
                index_name=f"by_{listing}",
                partition_key=dynamodb.Attribute(name=listing, type=dynamodb.AttributeType.STRING),
                sort_key=dynamodb.Attribute(name="listed_at", type=dynamodb.AttributeType.STRING),
                projection_type=dynamodb.ProjectionType.KEYS_ONLY,
            )
        # The jobs that reconcile has to look at, ordered by when they are due.
        table.add_global_secondary_index(
            index_name="by_due_at",
            partition_key=dynamodb.Attribute(name="unsettled", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="due_at", type=dynamodb.AttributeType.STRING),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )
        return table

    def _uploads_bucket(self, stage: Stage, removal: RemovalPolicy) -> s3.Bucket:
        bucket = self._bucket("Uploads", stage, removal, versioned=True)
        bucket.add_lifecycle_rule(
            expiration=RESULTS_KEPT,
            # A job reads the object version of its event, even after the object is overwritten.
            noncurrent_version_expiration=Duration.days(7),
        )
        resource = bucket.node.default_child
        if not isinstance(resource, s3.CfnBucket):
            raise TypeError("the bucket's default child is its resource")
        # `event_bridge_enabled=True` would add a custom resource with a function of its own.
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )
        return bucket

    def _results_bucket(self, stage: Stage, removal: RemovalPolicy) -> s3.Bucket:
        bucket = self._bucket("Results", stage, removal, versioned=False)
        bucket.add_lifecycle_rule(prefix="results/", expiration=RESULTS_KEPT)
        # Plans and parts are not needed once the result files exist.
        bucket.add_lifecycle_rule(prefix="work/", expiration=Duration.days(7))
        # Expired exports are written again on request. One day keeps an export from outliving its result file.
        bucket.add_lifecycle_rule(prefix="exports/", expiration=EXPORTS_KEPT)
        bucket.add_lifecycle_rule(prefix=UNPUBLISHED_PREFIX, expiration=Duration.days(14))
        return bucket

    def _bucket(self, name: str, stage: Stage, removal: RemovalPolicy, *, versioned: bool) -> s3.Bucket:
        key = customer_key(self)
        bucket = s3.Bucket(
            self,
            name,
            versioned=versioned,
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            # Without bucket keys, a job of 9,000 chunks would call KMS for every object.
            bucket_key_enabled=True if key else None,
            cors=_cors(stage),
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            # The local cloud speaks plain HTTP.
            enforce_ssl=not stage.is_local,
            removal_policy=removal,
        )
        # An unfinished upload is in no listing and is billed until it is aborted, whatever its prefix.
        bucket.add_lifecycle_rule(abort_incomplete_multipart_upload_after=Duration.days(2))
        acknowledge(
            bucket,
            "S1",
            "Only roles of the stack and links they signed have access; CloudTrail data events record more.",
        )
        return bucket


def _cors(stage: Stage) -> list[s3.CorsRule] | None:
    """Allows pages of the stage's origins to post a presigned form and to follow a download."""
    if not stage.cors_origins:
        return None
    return [
        s3.CorsRule(
            allowed_origins=list(stage.cors_origins),
            allowed_methods=[s3.HttpMethods.POST, s3.HttpMethods.GET],
            allowed_headers=["*"],
        )
    ]
