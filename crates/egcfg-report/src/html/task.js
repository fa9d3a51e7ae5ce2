// One task: which run is shown, and the player that steps through its log.
const view = { group: null, task: null, runs: [], run: null, replay: null, step: 0, token: null, timer: null };
const same = (a, b) => Math.abs(a - b) < 1e-9;
const unique = (list) => [...new Set(list)];

async function openTask(group, entry, query, focus) {
  const task = await load(entry.blob);
  Object.assign(view, { group, task, runs: task.runs, other: null });
  document.title = `${task.id} · ${document.body.dataset.title}`;
  byId("task-title").textContent = task.id;
  byId("task-of").textContent = `${group.dataset} / ${group.model}`;
  byId("wrong").hidden = !task.wrong;
  drawCard(task.card);
  const wanted = (run) => run.c === query.get("c") && same(run.g, Number(query.get("g"))) && run.r === Number(query.get("r") || 0);
  const best = task.runs.find(wanted) || task.runs.find((run) => run.replay && run.c === group.fixed && run.g === group.gamma)
    || task.runs.find((run) => run.replay && run.g > 0) || task.runs.find((run) => run.replay) || task.runs[0];
  await openRun(best, query.has("s") ? Number(query.get("s")) - 1 : 0);
  if (focus) { window.scrollTo(0, 0); byId("task-title").focus(); }
}

async function openRun(run, step) {
  if (view.run !== run) { stopPlaying(); view.replay = run.replay ? await load(run.replay) : null; }
  view.run = run;
  options(byId("config"), unique(view.runs.map((r) => r.c)), run.c);
  options(byId("gamma"), unique(view.runs.filter((r) => r.c === run.c).map((r) => r.g)), run.g);
  const tries = view.runs.filter((r) => r.c === run.c && same(r.g, run.g)).map((r) => r.r);
  options(byId("retry"), tries, run.r);
  byId("retry").parentElement.hidden = tries.length < 2;
  drawFacts(run);
  const steps = view.replay ? view.replay.steps.length : 0;
  byId("player").hidden = byId("stage").hidden = steps === 0;
  byId("no-log").hidden = steps > 0;
  byId("slider").max = Math.max(steps, 1);
  drawResult(run);
  drawBeside(run);
  show(step);
}

function options(select, values, chosen) {
  select.replaceChildren(...values.map((value) => el("option", { value, selected: value === chosen }, String(value))));
  select.value = String(chosen);
}

function choose() {
  const [c, g, r] = [byId("config").value, Number(byId("gamma").value), Number(byId("retry").value)];
  const own = view.runs.filter((run) => run.c === c);
  const run = own.find((run) => same(run.g, g) && run.r === r) || own.find((run) => same(run.g, g)) || own.find((run) => run.replay) || own[0];
  openRun(run, 0);
}

function show(step) {
  const steps = view.replay ? view.replay.steps : [];
  view.step = Math.min(Math.max(Number.isFinite(step) ? Math.trunc(step) : 0, 0), Math.max(steps.length - 1, 0));
  view.token = null;
  const run = view.run;
  const query = new URLSearchParams({ c: run.c, g: run.g });
  if (run.r) query.set("r", run.r);
  if (view.step) query.set("s", view.step + 1);
  // Not a new entry for each step: Back leads to the overview.
  history.replaceState(null, "", `${shown}?${query}`);
  if (!steps.length) { byId("say").textContent = ""; return; }
  byId("slider").value = view.step + 1;
  byId("slider").setAttribute("aria-valuetext", `step ${view.step + 1} of ${steps.length}`);
  byId("at").textContent = `${view.step + 1} / ${steps.length}`;
  byId("first").disabled = byId("back").disabled = view.step === 0;
  byId("next").disabled = byId("last").disabled = view.step === steps.length - 1;
  drawStep(view.replay, view.step);
}

function stopPlaying() {
  if (view.timer) clearInterval(view.timer);
  view.timer = null;
  byId("play").textContent = "Play";
  byId("play").setAttribute("aria-pressed", "false");
  byId("say").setAttribute("aria-live", "polite");
}
function play() {
  if (view.timer) return stopPlaying();
  const steps = view.replay.steps.length;
  if (view.step === steps - 1) show(0);
  byId("play").textContent = "Pause";
  byId("play").setAttribute("aria-pressed", "true");
  // A step a second would be read out over the one before.
  byId("say").setAttribute("aria-live", "off");
  view.timer = setInterval(() => (view.step >= steps - 1 ? stopPlaying() : show(view.step + 1)), 1100);
}
const go = (step) => { stopPlaying(); show(step); };
const last = () => view.replay.steps.length - 1;
byId("first").addEventListener("click", () => go(0));
byId("back").addEventListener("click", () => go(view.step - 1));
byId("next").addEventListener("click", () => go(view.step + 1));
byId("last").addEventListener("click", () => go(last()));
byId("play").addEventListener("click", play);
byId("slider").addEventListener("input", (event) => go(Number(event.target.value) - 1));
for (const id of ["config", "gamma", "retry"]) byId(id).addEventListener("change", choose);
document.addEventListener("keydown", (event) => {
  if (byId("task").hidden || !view.replay || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.target.closest("select, input, textarea")) return;
  const to = { ArrowLeft: () => go(view.step - 1), ArrowRight: () => go(view.step + 1), Home: () => go(0), End: () => go(last()) }[event.key];
  if (to) { event.preventDefault(); to(); }
  else if (event.key === " " && !event.target.closest("button, a, summary, [tabindex='0']")) { event.preventDefault(); play(); }
});
