"""Everything an account has, of the kinds the stack is made of."""

from contextlib import closing

import boto3

# service, operation, where in its answer the resources are, and what names one
_LISTED = (
    ("s3", "list_buckets", "Buckets", "Name"),
    ("dynamodb", "list_tables", "TableNames", None),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("lambda", "list_layers", "Layers", "LayerArn"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings", "FunctionArn"),
    ("sqs", "list_queues", "QueueUrls", None),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sns", "list_subscriptions", "Subscriptions", "TopicArn"),
    ("events", "list_rules", "Rules", "Arn"),
    ("events", "list_event_buses", "EventBuses", "Arn"),
    ("stepfunctions", "list_state_machines", "stateMachines", "stateMachineArn"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("secretsmanager", "list_secrets", "SecretList", "ARN"),
    ("apigatewayv2", "get_apis", "Items", "ApiId"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
)


def resources_of(session: boto3.Session, *, endpoint_url: str) -> set[tuple[str, str]]:
    """The kind and name of every resource."""
    found = set()
    for service, operation, items, name in _LISTED:
        with closing(session.client(service, endpoint_url=endpoint_url)) as client:  # type: ignore[call-overload]
            answer = getattr(client, operation)()
        found |= {(f"{service}:{items}", item[name] if name else item) for item in answer.get(items, [])}
    with closing(session.client("cognito-idp", endpoint_url=endpoint_url)) as cognito:
        pools = cognito.list_user_pools(MaxResults=60)["UserPools"]
    return found | {("cognito-idp:UserPools", pool["Id"]) for pool in pools}
