"""What wakes somebody up."""

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.events import StatusEvents
from infra.intake import Intake
from infra.workflow import Workflow


class Observability(Construct):
    """Alarms on what only people can mend."""

    def __init__(self, scope: Construct, *, intake: Intake, workflow: Workflow, events: StatusEvents) -> None:
        super().__init__(scope, "Observability")
        intake.dead_letters.metric_approximate_number_of_messages_visible().create_alarm(
            self,
            "UploadsNotTakenIn",
            alarm_description="An uploaded file could not be made into a job after several deliveries",
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        events.dead_letters.metric_approximate_number_of_messages_visible().create_alarm(
            self,
            "StatusEventsGivenUp",
            alarm_description="A change of a job's status could not be put on the event bus after several attempts",
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        workflow.state_machine.metric_failed().create_alarm(
            self,
            "ExecutionsFailed",
            alarm_description="A job's execution failed; the sweep ends the job with the reason",
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
