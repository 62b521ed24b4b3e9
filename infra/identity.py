"""The token issuer: a Cognito user pool of the stack, or an existing OIDC issuer of the deployer."""

import re

from aws_cdk import Aws, Duration, Fn, RemovalPolicy
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra.findings import acknowledge
from infra.function import Function, stack_block
from infra.project import ORGANIZATION_ATTRIBUTE, ROLES
from infra.stages import Stage

# Excludes the organization: users must not be able to change their own.
_WRITABLE_ATTRIBUTES = cognito.ClientAttributes().with_standard_attributes(email=True, fullname=True)


class Identity(Construct):
    """Issuer, audience and JWKS for the verification of tokens, and the sign-in page of the console."""

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(scope, "Identity")
        self.user_pool: cognito.UserPool | None = None
        self.client: cognito.UserPoolClient | None = None
        self.claims: Function | None = None
        self.programs: dict[str, cognito.UserPoolClient] = {}
        self.console_client_id: str | None = None
        # None with an issuer of the deployer: the console reads it from the issuer's discovery document.
        self.sign_in_url: str | None = None
        # Origins from which the console requests tokens.
        self.sign_in_origins: list[str] = []
        if stage.own_issuer is not None:
            self.issuer = stage.own_issuer.issuer
            self.audience = list(stage.own_issuer.audience)
            self.jwks_url = stage.own_issuer.jwks_url
            self.console_client_id = stage.own_issuer.console_client_id
            self.sign_in_origins = [*re.findall(r"^https://[^/]+", self.issuer), *stage.sign_in_origins]
            return
        self.user_pool = self._user_pool(stage)
        self.client = self._client(stage, self.user_pool)
        self.issuer = f"https://cognito-idp.{Aws.REGION}.{Aws.URL_SUFFIX}/{self.user_pool.user_pool_id}"
        keys_at = f"{stage.endpoint_url}/{self.user_pool.user_pool_id}" if stage.endpoint_url else self.issuer
        self.jwks_url = f"{keys_at}/.well-known/jwks.json"
        self.audience = [self.client.user_pool_client_id]
        self.programs = self._add_programs(stage, self.user_pool)
        self.audience += [client.user_pool_client_id for client in self.programs.values()]
        self.sign_in_url = stage.endpoint_url or self._sign_in_page(stage, self.user_pool)
        self.sign_in_origins = [self.sign_in_url]

    def add_console_client(self, url: str) -> None:
        """Adds a client for the console at `url` to the user pool. Does nothing with an issuer of the deployer."""
        if self.user_pool is None:
            return
        client = self.user_pool.add_client(
            "Console",
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID],
                callback_urls=[url],
                logout_urls=[url],
            ),
            supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
            access_token_validity=Duration.hours(1),
            id_token_validity=Duration.hours(1),
            # A working day. The tokens are kept in the browser tab and are gone when it is closed.
            refresh_token_validity=Duration.hours(12),
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            write_attributes=_WRITABLE_ATTRIBUTES,
        )
        _allow_no_password(client)
        self.console_client_id = client.user_pool_client_id
        self.audience.append(client.user_pool_client_id)

    def _sign_in_page(self, stage: Stage, pool: cognito.UserPool) -> str:
        """Returns the URL of the pool's sign-in page. The domain prefix has to be unique in the region of AWS."""
        prefix = Fn.join("-", [stage.stack_name, stack_block()])
        domain = pool.add_domain("SignIn", cognito_domain=cognito.CognitoDomainOptions(domain_prefix=prefix))
        return domain.base_url()

    def _user_pool(self, stage: Stage) -> cognito.UserPool:
        pool = cognito.UserPool(
            self,
            "Users",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(username=True),
            feature_plan=cognito.FeaturePlan.ESSENTIALS,
            password_policy=cognito.PasswordPolicy(
                min_length=12, require_lowercase=True, require_uppercase=True, require_digits=True, require_symbols=True
            ),
            custom_attributes={
                ORGANIZATION_ATTRIBUTE: cognito.StringAttribute(min_len=1, max_len=64, mutable=True),
            },
            mfa=cognito.Mfa.OPTIONAL if stage.mfa else None,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False) if stage.mfa else None,
            deletion_protection=stage.keep_data,
            removal_policy=RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY,
        )
        acknowledge(
            pool, "COG2", "Many callers are programs, which cannot use MFA; an issuer of the deployer can enforce it."
        )
        acknowledge(pool, "COG8", "The Plus plan costs extra for every active user; a deployer can set `feature_plan`.")
        self.claims = Function(
            self,
            "claims",
            stage=stage,
            dependencies=None,
            memory_mib=256,
            timeout=Duration.seconds(5),
            environment={"ORGANIZATION_ATTRIBUTE": f"custom:{ORGANIZATION_ATTRIBUTE}"},
            statements=[],
        )
        # Only version 2 of the trigger can add claims to access tokens, and only version 3 to those of programs.
        pool.add_trigger(
            cognito.UserPoolOperation.PRE_TOKEN_GENERATION_CONFIG, self.claims.function, cognito.LambdaVersion.V3_0
        )
        for role in ROLES:
            cognito.UserPoolGroup(self, f"Role-{role}", user_pool=pool, group_name=role)
        return pool

    def _client(self, stage: Stage, pool: cognito.UserPool) -> cognito.UserPoolClient:
        return pool.add_client(
            "Callers",
            auth_flows=cognito.AuthFlow(user_password=True, user_srp=True),
            # By default CDK enables OAuth with the implicit flow, which puts tokens into URLs.
            disable_o_auth=True,
            access_token_validity=Duration.hours(24 if stage.is_local else 1),
            prevent_user_existence_errors=True,
            write_attributes=_WRITABLE_ATTRIBUTES,
        )

    def _add_programs(self, stage: Stage, pool: cognito.UserPool) -> dict[str, cognito.UserPoolClient]:
        """Adds a client with a secret for each program. Its only scope names its organization and role.

        A scope, unlike a map of client ids in the environment of the claims function, makes no circle of references.
        """
        if not stage.programs:
            return {}
        scopes = {
            f"{program.organization}:{program.role}": f"Programs of {program.organization} as {program.role}"
            for program in stage.programs
        }
        offered = {
            name: cognito.ResourceServerScope(scope_name=name, scope_description=description)
            for name, description in scopes.items()
        }
        server = pool.add_resource_server("Organizations", identifier="organizations", scopes=list(offered.values()))
        clients = {
            program.name: pool.add_client(
                f"Program-{program.name}",
                generate_secret=True,
                o_auth=cognito.OAuthSettings(
                    flows=cognito.OAuthFlows(client_credentials=True),
                    scopes=[
                        cognito.OAuthScope.resource_server(server, offered[f"{program.organization}:{program.role}"])
                    ],
                ),
                access_token_validity=Duration.hours(1),
                enable_token_revocation=True,
                write_attributes=_WRITABLE_ATTRIBUTES,
            )
            for program in stage.programs
        }
        for client in clients.values():
            _allow_no_password(client)
        return clients


def _allow_no_password(client: cognito.UserPoolClient) -> None:
    """Restricts a client to its OAuth flow. By default Cognito also allows a sign-in with a user name and password."""
    resource = client.node.default_child
    if not isinstance(resource, cognito.CfnUserPoolClient):
        raise TypeError("the client's default child is its resource")
    resource.explicit_auth_flows = ["ALLOW_REFRESH_TOKEN_AUTH"]
