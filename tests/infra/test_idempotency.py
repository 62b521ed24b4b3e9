"""Properties of the stack that idempotency claims rely on."""

import json
from datetime import timedelta

from shared.aws.idempotency_keys import encode_claim
from shared.jobs.idempotency import IN_FLIGHT
from tests.builders import a_claim
from tests.synthesized import template


def test_idempotency_claim_outlives_the_function_timeout_by_seconds() -> None:
    _, api = template().only("AWS::Lambda::Function", containing="Api")
    beyond = IN_FLIGHT - timedelta(seconds=api["Timeout"])
    assert timedelta(seconds=2) <= beyond <= timedelta(seconds=10)


def test_idempotency_claims_expire_and_publish_no_events() -> None:
    _, table = template().only("AWS::DynamoDB::Table")
    item = encode_claim(a_claim())
    assert table["TimeToLiveSpecification"]["AttributeName"] in item
    (source,) = [
        properties
        for properties in template().resources("AWS::Lambda::EventSourceMapping").values()
        if "StartingPosition" in properties
    ]
    (pattern,) = (json.loads(entry["Pattern"]) for entry in source["FilterCriteria"]["Filters"])
    assert item["sk"]["S"] not in pattern["dynamodb"]["Keys"]["sk"]["S"]
