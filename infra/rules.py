"""EventBridge rules: one way to create them, so that none loses or repeats an event."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.encryption import customer_key
from infra.findings import acknowledge, acknowledge_serverless
from infra.stages import Stage

# A replay of an archive sends old events to every rule that matches them, as subscribers may want; the stack does not.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-replay-archived-event.html
_NOT_REPLAYED = [{"exists": False}]


class EventRules(Construct):
    """The rules of the stack, and the queue for events that a rule could not deliver within a day.

    Targets get the queue as their dead-letter queue.
    """

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(scope, "Rules")
        self.undelivered = sqs.Queue(
            self,
            "Undelivered",
            retention_period=Duration.days(14),
            encryption_master_key=customer_key(self),
            enforce_ssl=not stage.is_local,
        )
        acknowledge(
            self.undelivered, "SQS3", "This is the dead-letter queue of rule targets, which cdk-nag does not detect."
        )
        acknowledge_serverless(self.undelivered, "SQSRedrivePolicy", "This is a dead-letter queue itself.")
        self._rules: dict[str, tuple[events.Rule, events.EventBus | None]] = {}

    def on_event(
        self,
        scope: Construct,
        name: str,
        *,
        source: str,
        detail_type: str,
        detail: Mapping[str, Sequence[Any] | Mapping[str, Any]] | None = None,
        target: events.IRuleTarget,
        bus: events.EventBus | None = None,
    ) -> None:
        """Adds a rule in `scope` for events of one source and type, on the default bus or another."""
        pattern = events.EventPattern(source=[source], detail_type=[detail_type], detail=detail)
        rule = events.Rule(scope, name, event_bus=bus, event_pattern=pattern, targets=[target])
        resource = rule.node.default_child
        if not isinstance(resource, events.CfnRule):
            raise TypeError("the rule's default child is its resource")
        # CDK's patterns have no field for it.
        resource.add_property_override("EventPattern.replay-name", _NOT_REPLAYED)
        self._rules[name] = (rule, bus)

    def on_schedule(self, scope: Construct, name: str, *, interval: Duration, target: events.IRuleTarget) -> None:
        """Adds a rule in `scope` that invokes its target in every interval."""
        rule = events.Rule(scope, name, schedule=events.Schedule.rate(interval), targets=[target])
        self._rules[name] = (rule, None)

    def dimensions(self) -> dict[str, dict[str, str]]:
        """Returns the dimensions of each rule's metrics in `AWS/Events` by the name of the rule.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
        """
        return {
            name: {"RuleName": rule.rule_name, **({"EventBusName": bus.event_bus_name} if bus else {})}
            for name, (rule, bus) in self._rules.items()
        }


def role_of_rules(scope: Construct, name: str, *, bus_name: str) -> iam.Role:
    """Returns a role that only the rules of one bus of this account can use for their targets."""
    stack = Stack.of(scope)
    rules = f"arn:{stack.partition}:events:{stack.region}:{stack.account}:rule/{bus_name}/*"
    return iam.Role(
        scope,
        name,
        assumed_by=iam.ServicePrincipal(
            "events.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}, "ArnLike": {"aws:SourceArn": rules}},
        ),
    )
