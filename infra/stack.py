"""The stack, as a wiring diagram of its constructs."""

import json

from aws_cdk import CfnOutput, DefaultStackSynthesizer, Stack
from constructs import Construct

from infra.api import Api
from infra.async_functions import Exports, Retries
from infra.console import Console
from infra.encryption import Encryption
from infra.events import StatusEvents
from infra.identity import Identity
from infra.intake import Intake
from infra.observability import Observability
from infra.reconcile import Reconcile
from infra.rules import EventRules
from infra.settings import settings_of
from infra.stages import Stage
from infra.storage import Storage
from infra.workflow import Workflow


class DefaultRiskJobs(Stack):
    """Bulk scoring jobs: API, console, drop folder, workflow, reconcile, events, exports and alarms."""

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(
            scope,
            stage.stack_name,
            description="Bulk scoring of company financials for default risk",
            termination_protection=stage.keep_data,
            # For cost allocation; CloudFormation adds them to every resource.
            tags={"project": "default-risk-jobs", "stage": stage.name},
            synthesizer=DefaultStackSynthesizer(qualifier=stage.qualifier),
        )
        Encryption(self, stage=stage)
        storage = Storage(self, stage=stage)
        workflow = Workflow(self, stage=stage, storage=storage)
        rules = EventRules(self, stage=stage)
        intake = Intake(self, stage=stage, storage=storage, workflow=workflow, rules=rules)
        retries = Retries(self, stage=stage, storage=storage)
        reconcile = Reconcile(self, stage=stage, storage=storage, workflow=workflow, retries=retries, rules=rules)
        events = StatusEvents(self, stage=stage, storage=storage, rules=rules)
        exports = Exports(self, stage=stage, storage=storage)
        identity = Identity(self, stage=stage)
        api = Api(
            self,
            stage=stage,
            storage=storage,
            workflow=workflow,
            exports=exports,
            retries=retries,
            identity=identity,
        )
        console = Console(self, stage=stage, storage=storage, identity=identity, api=api)
        observability = Observability(
            self,
            stage=stage,
            api=api,
            intake=intake,
            workflow=workflow,
            reconcile=reconcile,
            retries=retries,
            events=events,
            exports=exports,
            storage=storage,
            console=console,
            identity=identity,
            rules=rules,
        )

        # The next deployment compares its own settings with these.
        self._output("Settings", json.dumps(settings_of(stage), separators=(",", ":"), sort_keys=True))
        self._output("ApiUrl", api.url)
        self._output("ConsoleUrl", api.console_url)
        self._output("ApiId", api.http_api.api_id)
        self._output("UploadsBucket", storage.uploads.bucket_name)
        self._output("ResultsBucket", storage.results.bucket_name)
        self._output("Table", storage.table.table_name)
        self._output("StateMachineArn", workflow.state_machine_arn)
        self._output("EventBusName", events.bus.event_bus_name)
        self._output("StatusTopicArn", events.topic.topic_arn)
        self._output("AlarmTopicArn", observability.topic.topic_arn)
        if identity.user_pool is not None and identity.client is not None:
            self._output("UserPoolId", identity.user_pool.user_pool_id)
            self._output("UserPoolClientId", identity.client.user_pool_client_id)
        for name, client in identity.programs.items():
            words = "".join(word.capitalize() for word in name.split("-"))
            self._output(f"Program{words}ClientId", client.user_pool_client_id)
            self._output(f"Program{words}TokenUrl", f"{identity.sign_in_url}/oauth2/token")
        if api.domain_target is not None:
            self._output("DomainTarget", api.domain_target)

    def _output(self, name: str, value: str) -> None:
        CfnOutput(self, name, value=value)
