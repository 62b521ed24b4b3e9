// Starts the console: reads how people sign in here, ends a sign-in that is under way, and draws the pages.

import { render } from "preact";
import { Api } from "./api.js";
import { App } from "./app.js";
import { html } from "./dom.js";
import { openSession } from "./session.js";
import { Notice } from "./parts.js";

const target = document.getElementById("app");

start().catch((error) => {
  const again = () => location.reload();
  render(
    html`<main class="alone">
      <${Notice} kind="bad" title="The console could not start">
        <p>${error.message}</p>
        <button type="button" onClick=${again}>Try again</button>
      <//>
    </main>`,
    target,
  );
});

async function start() {
  const answer = await fetch("console/config.json");
  if (!answer.ok) throw new Error(`Its settings could not be read (HTTP ${answer.status}).`);
  const config = await answer.json();
  const session = await openSession(config.sign_in);
  const api = new Api(new URL("api/v1/predictions/", location.href), session);
  render(html`<${App} session=${session} api=${api} limits=${config} />`, target);
}
