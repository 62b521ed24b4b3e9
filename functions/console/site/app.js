// The header with the navigation, and the page of the current route.

import { useEffect, useState } from "preact/hooks";
import { Empty, Page, focusHeading } from "./components.js";
import { html } from "./dom.js";
import { JobPage } from "./pages/job.js";
import { JobsPage } from "./pages/jobs.js";
import { ModelsPage } from "./pages/models.js";
import { SignInPage } from "./pages/sign-in.js";
import { UploadPage } from "./pages/upload.js";
import { useRoute } from "./routes.js";

const LINKS = [
  ["jobs", "Jobs"],
  ["upload", "Upload"],
  ["models", "Models"],
];

export function App({ session, api, limits }) {
  const route = useRoute();
  const [wasSignedIn, setWasSignedIn] = useState(session.token !== null);
  const [token, setToken] = useState(session.token);
  useEffect(() => {
    const update = () => {
      setToken(session.token);
      if (session.token) setWasSignedIn(true);
    };
    session.addEventListener("change", update);
    return () => session.removeEventListener("change", update);
  }, []);
  const skip = (event) => {
    event.preventDefault();
    focusHeading();
  };
  const current = route.parts[0] ?? "jobs";
  const page = token ? pageOf(route, api, limits) : html`<${SignInPage} session=${session} hasEnded=${wasSignedIn} />`;
  return html`<a class="skip" href="#content" onClick=${skip}>Skip to main content</a>
    <header class="top">
      <a class="brand" href="#/jobs"><span class="mark" aria-hidden="true"></span>Default risk jobs</a>
      ${token &&
      html`<nav aria-label="Pages">
          ${LINKS.map(
            ([name, label]) =>
              html`<a href="#/${name}" aria-current=${current === name ? "page" : undefined}>${label}</a>`,
          )}
          <a href="api/v1/docs">API</a>
        </nav>
        <div class="account">
          <span class="account-name">${session.name}</span>
          <button type="button" class="quiet" onClick=${() => session.signOut()}>Sign out</button>
        </div>`}
    </header>
    <main id="content">${page}</main>`;
}

function pageOf({ parts, query }, api, limits) {
  const [name = "jobs", id] = parts;
  if (name === "jobs" && id) return html`<${JobPage} key=${id} api=${api} limits=${limits} id=${id} query=${query} />`;
  if (name === "jobs") return html`<${JobsPage} key="jobs" api=${api} query=${query} />`;
  if (name === "upload") return html`<${UploadPage} key="upload" api=${api} limits=${limits} />`;
  if (name === "models") return html`<${ModelsPage} key="models" api=${api} />`;
  return html`<${Page} key="not-found" title="Page not found">
    <${Empty} title="This page doesn't exist."><p><a href="#/jobs">Back to jobs</a></p><//>
  <//>`;
}
