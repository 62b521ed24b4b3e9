"""Who issues the tokens: a user pool of the stack's own, or an issuer the deployer has already."""

import re

from aws_cdk import Aws, Duration, Fn, RemovalPolicy, Stack
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra.findings import acknowledge
from infra.function import Function
from infra.project import ORGANIZATION_ATTRIBUTE, ROLES
from infra.stages import Stage

# Without the organization in it: users may not choose their own.
_OWN_ATTRIBUTES = cognito.ClientAttributes().with_standard_attributes(email=True, fullname=True)


class Identity(Construct):
    """The issuer, audience and key set that tokens are checked against, and where people sign in with a browser."""

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(scope, "Identity")
        self.user_pool: cognito.UserPool | None = None
        self.client: cognito.UserPoolClient | None = None
        self.console_client_id: str | None = None
        # None where the issuer's own document says it.
        self.sign_in_url: str | None = None
        # What the console asks for its tokens.
        self.sign_in_origins: list[str] = []
        if stage.own_issuer is not None:
            self.issuer = stage.own_issuer.issuer
            self.audience = list(stage.own_issuer.audience)
            self.jwks_url = stage.own_issuer.jwks_url
            self.console_client_id = stage.own_issuer.console_client_id
            self.sign_in_origins = re.findall(r"^https://[^/]+", self.issuer)
            return
        self.user_pool = self._user_pool(stage)
        self.client = self._client(stage, self.user_pool)
        self.issuer = f"https://cognito-idp.{Stack.of(self).region}.amazonaws.com/{self.user_pool.user_pool_id}"
        keys_at = f"{stage.endpoint_url}/{self.user_pool.user_pool_id}" if stage.endpoint_url else self.issuer
        self.jwks_url = f"{keys_at}/.well-known/jwks.json"
        self.audience = [self.client.user_pool_client_id]
        self.sign_in_url = stage.endpoint_url or self._sign_in_page(stage, self.user_pool)
        self.sign_in_origins = [self.sign_in_url]

    def admit_console(self, url: str) -> None:
        """Let people sign in to the console at this address. An issuer of the deployer's own is told so by them."""
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
            # A working day; a tab that is closed forgets its tokens before.
            refresh_token_validity=Duration.hours(12),
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            write_attributes=_OWN_ATTRIBUTES,
        )
        resource = client.node.default_child
        if not isinstance(resource, cognito.CfnUserPoolClient):
            raise TypeError("the client's default child is its resource")
        # Left out, more flows would be allowed than the page's own, with its code and proof key.
        resource.explicit_auth_flows = ["ALLOW_REFRESH_TOKEN_AUTH"]
        self.console_client_id = client.user_pool_client_id
        self.audience.append(client.user_pool_client_id)

    def _sign_in_page(self, stage: Stage, pool: cognito.UserPool) -> str:
        """The pool's own page. Its name is taken once in a region, by all of AWS: the stack's id is in it."""
        stack_id = Fn.select(2, Fn.split("/", Aws.STACK_ID))
        prefix = Fn.join("-", [stage.stack_name, Fn.select(0, Fn.split("-", stack_id))])
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
            removal_policy=RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY,
        )
        acknowledge(
            pool, "COG2", "Callers are programs as often as people; a company's own issuer brings its own factors."
        )
        acknowledge(pool, "COG8", "The plus plan bills every active user; a deployer who wants it sets `feature_plan`.")
        claims = Function(
            self,
            "claims",
            stage=stage,
            dependencies=None,
            memory_mib=256,
            timeout=Duration.seconds(5),
            environment={"ORGANIZATION_ATTRIBUTE": f"custom:{ORGANIZATION_ATTRIBUTE}"},
            statements=[],
        )
        # Only the second version of the trigger may add claims to access tokens.
        pool.add_trigger(
            cognito.UserPoolOperation.PRE_TOKEN_GENERATION_CONFIG, claims.function, cognito.LambdaVersion.V2_0
        )
        for role in ROLES:
            cognito.UserPoolGroup(self, f"Role-{role}", user_pool=pool, group_name=role)
        return pool

    def _client(self, stage: Stage, pool: cognito.UserPool) -> cognito.UserPoolClient:
        return pool.add_client(
            "Callers",
            auth_flows=cognito.AuthFlow(user_password=True, user_srp=True),
            # On the pool's page it would have every flow otherwise, and tokens in an address.
            disable_o_auth=True,
            access_token_validity=Duration.hours(24 if stage.is_local else 1),
            prevent_user_existence_errors=True,
            write_attributes=_OWN_ATTRIBUTES,
        )
