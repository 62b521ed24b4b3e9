"""Lists the resources of an account, of all types that the stack uses."""

from contextlib import closing

import boto3

# service, operation, key of the resources in its response, key of a resource's name
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
    """Returns type and name of every resource."""
    found = set()
    for service, operation, items, name in _LISTED:
        with closing(session.client(service, endpoint_url=endpoint_url)) as client:  # type: ignore[call-overload]
            response = getattr(client, operation)()
        found |= {(f"{service}:{items}", item[name] if name else item) for item in response.get(items, [])}
    with closing(session.client("cognito-idp", endpoint_url=endpoint_url)) as cognito:
        pools = cognito.list_user_pools(MaxResults=60)["UserPools"]
    return found | {("cognito-idp:UserPools", pool["Id"]) for pool in pools}
