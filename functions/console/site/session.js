// Who is signed in: OpenID Connect's code flow with a proof key, by oidc-client-ts.
// Tokens are kept for as long as the tab is open, and renewed while it is.

const HOME = "#/jobs";

export async function openSession(settings) {
  const session = new Session(settings);
  await session.resume();
  return session;
}

class Session extends EventTarget {
  #manager = null;
  #user = null;

  constructor(settings) {
    super();
    // What went wrong while signing in, in words.
    this.refusal = null;
    if (!settings) return;
    const here = new URL(location.pathname, location.origin).href;
    const store = new oidc.WebStorageStateStore({ store: sessionStorage });
    this.#manager = new oidc.UserManager({
      ...settings,
      redirect_uri: here,
      post_logout_redirect_uri: here,
      response_type: "code",
      loadUserInfo: false,
      userStore: store,
      stateStore: store,
    });
    this.#manager.events.addUserLoaded((user) => this.#become(user));
    this.#manager.events.addAccessTokenExpired(() => this.end());
  }

  // Whether this deployment has people sign in here at all.
  get isPossible() {
    return this.#manager !== null;
  }

  get token() {
    return this.#user && !this.#user.expired ? this.#user.access_token : null;
  }

  get name() {
    const claims = this.#user?.profile ?? {};
    return claims["cognito:username"] ?? claims.preferred_username ?? claims.name ?? claims.email ?? "Signed in";
  }

  // What is there from before: an answer of the sign-in page in the address, or the tab's own tokens.
  async resume() {
    if (!this.isPossible) return;
    const answer = new URLSearchParams(location.search);
    if (answer.has("state") && (answer.has("code") || answer.has("error"))) {
      let at = HOME;
      try {
        const user = await this.#manager.signinCallback();
        at = user.state?.at ?? HOME;
        this.#user = user;
      } catch (error) {
        this.refusal = error.message;
      }
      history.replaceState(null, "", location.pathname + at);
      return;
    }
    this.#user = await this.#manager.getUser();
    // Closed for longer than its token lasts; the token to renew it with may last longer.
    if (this.#user?.expired) {
      await this.#manager.signinSilent().catch(() => this.#manager.removeUser());
      this.#user = await this.#manager.getUser();
    }
  }

  signIn() {
    return this.#manager.signinRedirect({ state: { at: location.hash || HOME } });
  }

  async signOut() {
    const { client_id, post_logout_redirect_uri } = this.#manager.settings;
    // Cognito's page has its own name for where it leads back to.
    const extraQueryParams = { client_id, logout_uri: post_logout_redirect_uri };
    await this.#manager.signoutRedirect({ extraQueryParams });
  }

  // The service no longer takes the token. What was on the page stays in the address.
  async end() {
    if (!this.#user) return;
    await this.#manager.removeUser();
    this.#become(null);
  }

  #become(user) {
    this.#user = user;
    this.dispatchEvent(new Event("change"));
  }
}
