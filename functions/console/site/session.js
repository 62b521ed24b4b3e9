// The session of the user: OpenID Connect authorization code flow with PKCE, by oidc-client-ts.
// Tokens are kept in session storage and renewed while the tab is open.

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
    // Message of a failed sign-in.
    this.signInError = null;
    if (!settings) return;
    const consoleUrl = new URL(location.pathname, location.origin).href;
    const store = new oidc.WebStorageStateStore({ store: sessionStorage });
    this.#manager = new oidc.UserManager({
      ...settings,
      redirect_uri: consoleUrl,
      post_logout_redirect_uri: consoleUrl,
      response_type: "code",
      loadUserInfo: false,
      userStore: store,
      stateStore: store,
    });
    this.#manager.events.addUserLoaded((user) => this.#setUser(user));
    this.#manager.events.addAccessTokenExpired(() => this.end());
  }

  // Whether the deployment has a sign-in client for the console.
  get isConfigured() {
    return this.#manager !== null;
  }

  get token() {
    return this.#user && !this.#user.expired ? this.#user.access_token : null;
  }

  get name() {
    const claims = this.#user?.profile ?? {};
    return claims["cognito:username"] ?? claims.preferred_username ?? claims.name ?? claims.email ?? "Signed in";
  }

  // Restores the session: from the response of the sign-in page in the URL, or from the tokens that the tab stored.
  async resume() {
    if (!this.isConfigured) return;
    const query = new URLSearchParams(location.search);
    if (query.has("state") && (query.has("code") || query.has("error"))) {
      let hash = HOME;
      try {
        const user = await this.#manager.signinCallback();
        hash = user.state?.hash ?? HOME;
        this.#user = user;
      } catch (error) {
        this.signInError = error.message;
      }
      history.replaceState(null, "", location.pathname + hash);
      return;
    }
    this.#user = await this.#manager.getUser();
    // The access token expired while the tab was closed; the refresh token may still be valid.
    if (this.#user?.expired) {
      await this.#manager.signinSilent().catch(() => this.#manager.removeUser());
      this.#user = await this.#manager.getUser();
    }
  }

  signIn() {
    return this.#manager.signinRedirect({ state: { hash: location.hash || HOME } });
  }

  async signOut() {
    const { client_id, post_logout_redirect_uri } = this.#manager.settings;
    // Cognito expects `logout_uri` in place of `post_logout_redirect_uri`.
    const extraQueryParams = { client_id, logout_uri: post_logout_redirect_uri };
    await this.#manager.signoutRedirect({ extraQueryParams });
  }

  // Ends the session once the API rejects the token. The URL keeps the current page.
  async end() {
    if (!this.#user) return;
    await this.#manager.removeUser();
    this.#setUser(null);
  }

  #setUser(user) {
    this.#user = user;
    this.dispatchEvent(new Event("change"));
  }
}
