// API reference: the OpenAPI document in Swagger UI, followed by the problem types that `type` links to.

const dark = matchMedia("(prefers-color-scheme: dark)");
const applyTheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", applyTheme);
applyTheme();

render().catch((error) => showError(`Couldn't load the API reference: ${error.message}. Reload the page.`));

async function render() {
  const response = await fetch("openapi.json");
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const spec = await response.json();
  // "Try it out" also works where the API is not at the root of its host.
  spec.servers ??= [{ url: new URL("../..", location.href).pathname.replace(/\/$/, "") || "/" }];
  SwaggerUIBundle({
    spec,
    dom_id: "#operations",
    deepLinking: false,
    displayRequestDuration: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    // With a single server, the unlabeled selector is of no use.
    plugins: [() => ({ wrapComponents: { ServersContainer: () => () => null } })],
    onComplete: () => listProblems(spec["x-problem-types"]),
  });
}

function listProblems(problems) {
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
  // Scroll to the code in the URL, which did not exist when the page loaded.
  if (location.hash) location.replace(location.hash);
}

function showError(message) {
  const line = document.createElement("p");
  line.className = "plain";
  line.setAttribute("role", "alert");
  line.textContent = message;
  document.getElementById("operations").replaceChildren(line);
}
