// The page to sign in, at first and after a session has ended.

import { useState } from "preact/hooks";
import { Notice, Page } from "../components.js";
import { html } from "../dom.js";

export function SignInPage({ session, hasEnded }) {
  const [error, setError] = useState(session.signInError);
  const [isLeaving, setLeaving] = useState(false);
  const signIn = () => {
    setLeaving(true);
    session.signIn().catch((failure) => {
      setLeaving(false);
      setError(failure.message);
    });
  };
  if (!session.isConfigured) {
    return html`<div class="centered">
      <${Page} title="Sign-in isn't configured">
        <p>
          This deployment uses its own token issuer and has no client for the console. Ask your administrator to set
          <code>console_client_id</code>. Until then, use the <a href="api/v1/docs">API</a> or the command line.
        </p>
      <//>
    </div>`;
  }
  return html`<div class="centered">
    <${Page} key=${hasEnded ? "ended" : "new"} title=${hasEnded ? "Your session has ended" : "Sign in"}>
      ${error &&
      html`<${Notice} kind="bad" title="Sign-in failed"><p>${error}</p><//>`}
      <p class="lead">
        ${hasEnded
          ? "Sign in to pick up where you left off. Running jobs aren't affected."
          : "Upload company financials, get a default probability for every row, and fix the rows that failed."}
      </p>
      <button type="button" class="primary large" onClick=${signIn} disabled=${isLeaving}>
        ${isLeaving ? "Redirecting…" : hasEnded ? "Sign in again" : "Sign in"}
      </button>
    <//>
  </div>`;
}
