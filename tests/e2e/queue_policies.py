"""Queues that listen to the stack, as a subscriber makes them."""

import json


def open_to_services(arn: str) -> str:
    """The policy of a queue that buses and topics may fill."""
    services = {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]}
    statement = {"Effect": "Allow", "Principal": services, "Action": "sqs:SendMessage", "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
