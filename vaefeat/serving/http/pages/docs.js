// Shows openapi.json as a page.

const spec = await (await fetch("openapi.json")).json();

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Follow a reference within the specification.
function resolved(part) {
  if (!part?.$ref) return part;
  return part.$ref.split("/").slice(1).reduce((place, key) => place[key], spec);
}

function operation(path, method, { summary, description, parameters = [], responses }) {
  const shownPath = path.replace("{name}", "{name}[/versions/{version}]");
  const title = element("h3", {}, element("span", { textContent: method.toUpperCase() }), ` ${shownPath}`);
  const shown = element("div", { className: "operation" }, title, element("p", { textContent: `${summary}.` }));
  if (description) shown.append(element("p", { textContent: description }));
  const items = parameters.map(resolved).filter((parameter) => parameter.in !== "path");
  const lines = [
    ...items.map((parameter) => `${parameter.name}: ${parameter.description}`),
    ...Object.entries(responses).map(([status, response]) => `${status}: ${resolved(response).description}`),
  ];
  shown.append(element("ul", {}, ...lines.map((line) => element("li", { textContent: line }))));
  return shown;
}

const sections = new Map();
for (const [path, methods] of Object.entries(spec.paths)) {
  if (path.includes("/versions/")) continue; // shown as an optional part of the path
  for (const [method, what] of Object.entries(methods)) {
    const tag = what.tags[0];
    if (!sections.has(tag)) sections.set(tag, element("section", {}, element("h2", { textContent: tag })));
    sections.get(tag).append(operation(path, method, what));
  }
}
const infer = spec.paths["/v2/models/{name}/infer"].post;
const body = infer.requestBody.content["application/json"].example;
document.querySelector("#description").textContent = spec.info.description;
document.querySelector("#example").textContent =
  `curl ${new URL("v2/models/NAME/infer", location.href)} -d '${JSON.stringify(body)}'`;
document.querySelector("#operations").append(...sections.values());
