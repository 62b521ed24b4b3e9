// Entry point: loads the configuration, completes a pending sign-in and renders the app.

import { render } from "preact";
import { Api } from "./api.js";
import { App } from "./app.js";
import { Notice } from "./components.js";
import { html } from "./dom.js";
import { openSession } from "./session.js";

const target = document.getElementById("app");

start().catch((error) => {
  const reload = () => location.reload();
  render(
    html`<main class="centered">
      <${Notice} kind="bad" title="The console couldn't start">
        <p>${error.message}</p>
        <button type="button" onClick=${reload}>Try again</button>
      <//>
    </main>`,
    target,
  );
});

async function start() {
  const response = await fetch("console/config.json");
  if (!response.ok) throw new Error(`Couldn't load configuration (HTTP ${response.status}).`);
  const config = await response.json();
  const session = await openSession(config.sign_in);
  const api = new Api(new URL("api/v1/predictions/", location.href), session);
  render(html`<${App} session=${session} api=${api} limits=${config} />`, target);
}
