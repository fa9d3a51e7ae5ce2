// Data: each block is gzip in base64, unpacked when it is first asked for.
const unpacked = new Map();
function load(id) {
  if (!unpacked.has(id)) {
    unpacked.set(id, (async () => {
      const text = document.getElementById("b" + id).textContent;
      const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      return JSON.parse(await new Response(stream).text());
    })());
  }
  return unpacked.get(id);
}

// Everything shown is put in as text, never as markup.
function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (key === "class") node.className = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
const byId = (id) => document.getElementById(id);
const part = encodeURIComponent;

// Places: `#/data set/model/task?c=configuration&g=gamma&r=retry&s=step`; anything else is the overview.
function readPlace() {
  const [path, query] = location.hash.slice(1).split("?");
  const names = path.split("/").slice(1).map((name) => { try { return decodeURIComponent(name); } catch { return name; } });
  if (!path.startsWith("/") || names.length < 3) return null;
  return { dataset: names[0], model: names[1], task: names[2], query: new URLSearchParams(query || "") };
}
function taskPlace(dataset, model, task) {
  return "#/" + [dataset, model, task].map(part).join("/");
}

let shown = null;
async function route(first) {
  const place = readPlace();
  if (!place && location.hash.length > 1 && !location.hash.startsWith("#/") && !first && shown === null) return;
  const index = await load(0);
  const group = place && index.groups.find((g) => g.dataset === place.dataset && g.model === place.model);
  const task = group && group.tasks.find((t) => t.id === place.task);
  byId("overview").hidden = Boolean(task);
  byId("task").hidden = !task;
  if (!task) {
    stopPlaying();
    const came = shown;
    shown = null;
    document.title = document.body.dataset.title;
    // Back in the list, where one came from.
    const link = came && [...document.querySelectorAll(".tasks a")].find((a) => a.getAttribute("href") === came);
    if (link) link.focus();
    return;
  }
  const key = taskPlace(group.dataset, group.model, task.id);
  const fresh = shown !== key;
  shown = key;
  await openTask(group, task, place.query, fresh && !first);
}
window.addEventListener("hashchange", () => route(false));
