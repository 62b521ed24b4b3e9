// Before signing in, and after the session has ended.

import { useState } from "preact/hooks";
import { html } from "../dom.js";
import { Notice, Page } from "../parts.js";

export function SignInPage({ session, hasEnded }) {
  const [error, setError] = useState(session.refusal);
  const [isLeaving, setLeaving] = useState(false);
  const signIn = () => {
    setLeaving(true);
    session.signIn().catch((failure) => {
      setLeaving(false);
      setError(failure.message);
    });
  };
  if (!session.isPossible) {
    return html`<div class="alone">
      <${Page} title="Nobody can sign in here">
        <p>
          This deployment uses an issuer of its own and has no client for the console. Whoever deployed it sets
          <code>console_client_id</code>; until then there are the <a href="api/v1/docs">API</a> and the command line.
        </p>
      <//>
    </div>`;
  }
  return html`<div class="alone">
    <${Page} key=${hasEnded ? "ended" : "new"} title=${hasEnded ? "Your session has ended" : "Sign in"}>
      ${error &&
      html`<${Notice} kind="bad" title="Signing in did not work"><p>${error}</p><//>`}
      <p class="lead">
        ${hasEnded
          ? "Sign in again, and you are back where you were. Jobs go on without you."
          : "Upload company financials, see the risk of default of every row, and mend the rows that failed."}
      </p>
      <button type="button" class="primary large" onClick=${signIn} disabled=${isLeaving}>
        ${isLeaving ? "Going to the sign-in page …" : hasEnded ? "Sign in again" : "Sign in"}
      </button>
    <//>
  </div>`;
}
