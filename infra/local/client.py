"""The API as one of the local users, with the drop folder beside it: for the demonstration and the end-to-end tests."""

from contextlib import closing

from infra.local.cloud import LocalCloud
from shared.client import jobs_client


class JobsClient(jobs_client.JobsClient):
    """A client that is signed in, and may write into the uploads bucket as the deployer may."""

    def __init__(self, cloud: LocalCloud, *, user: str) -> None:
        super().__init__(cloud.api_url, token=cloud.users[user]["token"])
        self._cloud = cloud

    def drop(self, key: str, body: bytes) -> None:
        """Put a file into the drop folder, as an uploader with rights on the bucket does."""
        with closing(self._cloud.session().client("s3", endpoint_url=self._cloud.endpoint_url)) as s3:
            s3.put_object(Bucket=self._cloud.uploads_bucket, Key=key, Body=body)
