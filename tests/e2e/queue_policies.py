"""Policies of subscribers' queues."""

import json


def open_to_services(arn: str) -> str:
    """Returns a queue policy that lets event buses and topics send messages."""
    services = {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]}
    statement = {"Effect": "Allow", "Principal": services, "Action": "sqs:SendMessage", "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
