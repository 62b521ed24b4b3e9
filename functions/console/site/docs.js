// The reference of the API: the OpenAPI document drawn by Swagger UI, and under it what each problem's `type` leads to.

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

draw().catch((error) => say(`The OpenAPI document could not be read: ${error.message}. Load the page again.`));

async function draw() {
  const answer = await fetch("openapi.json");
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const spec = await answer.json();
  // Where the API does not begin at the root of its host, requests tried from here still reach it.
  spec.servers ??= [{ url: new URL("../..", location.href).pathname.replace(/\/$/, "") || "/" }];
  SwaggerUIBundle({
    spec,
    dom_id: "#operations",
    deepLinking: false,
    displayRequestDuration: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    // There is one, and its choice has no label.
    plugins: [() => ({ wrapComponents: { ServersContainer: () => () => null } })],
    onComplete: () => list(spec["x-problem-types"]),
  });
}

function list(problems) {
  const section = document.getElementById("problems");
  section.querySelector("tbody").append(
    ...Object.entries(problems).map(([code, { status, title, when }]) => {
      const row = document.createElement("tr");
      row.id = code;
      const name = document.createElement("code");
      name.textContent = code;
      for (const content of [name, String(status), title, when]) row.insertCell().append(content);
      return row;
    }),
  );
  section.hidden = false;
  // The address names a code that was not there yet when the page came.
  if (location.hash) location.replace(location.hash);
}

function say(sentence) {
  const line = document.createElement("p");
  line.className = "plain";
  line.setAttribute("role", "alert");
  line.textContent = sentence;
  document.getElementById("operations").replaceChildren(line);
}
