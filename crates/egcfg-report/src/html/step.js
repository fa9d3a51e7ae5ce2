// One step on the page: the code so far, its tokens, the candidates and what they did.
const mark = (ok) => el("span", { class: ok ? "ok" : "bad" }, ok ? "✓" : "✗", el("span", { class: "vh" }, ok ? " passed" : " failed"));
const plural = (count, one, many) => `${count} ${count === 1 ? one : many || one + "s"}`;
const visible = (text) => text.replace(/\n/g, "⏎").replace(/\t/g, "⇥").replace(/ /g, "·");

function drawFacts(run) {
  const fact = (name, value) => (value === null || value === undefined ? null : el("span", {}, el("b", {}, String(value)), " " + name));
  const verdict = run.broken ? `not scored: ${run.broken}` : run.passed ? "passes the graded tests" : "fails the graded tests";
  byId("facts").replaceChildren(...[
    el("span", { class: run.broken ? "none" : run.passed ? "ok" : "bad" }, (run.broken ? "– " : run.passed ? "✓ " : "✗ ") + verdict),
    fact("tokens", run.tokens), fact("changed by guidance", run.changed),
    fact("s", run.seconds && run.seconds.toFixed(2)), run.stop && el("span", {}, "ended: " + run.stop),
    run.began === false && run.g ? el("span", { class: "bad" }, "guidance never began") : null,
    run.unproven ? el("span", {}, plural(run.unproven, "unproven verdict")) : null,
  ].filter(Boolean));
}

function drawResult(run) {
  byId("final").textContent = run.code;
  byId("graded").replaceChildren(...run.tests.map((test) => el("li", {}, mark(test.passed), " ",
    el("span", { class: "mono" }, test.name.length > 300 ? test.name.slice(0, 300) + " …" : test.name),
    test.passed ? null : ` ${test.verdict}${test.error && test.error !== test.verdict ? ": " + test.error : ""}`)));
}

function drawStep(replay, number) {
  const step = replay.steps[number];
  const changed = (step.tokens || []).filter((token) => token.i !== undefined).length;
  const passing = (step.runs || []).filter((run) => run.verdicts.length && run.verdicts.every((v) => v.ok)).length;
  const said = [`Step ${number + 1} of ${replay.steps.length}, line ${step.line}`];
  if (step.restart) said.push("a new generation begins");
  if (step.candidates) said.push(`${plural(step.candidates.length, "candidate")}, ${plural(step.runs ? step.runs.length : 0, "distinct program")} run, ${passing} pass${passing === 1 ? "es" : ""} all shown tests`);
  if (step.tokens) said.push(`${plural(step.tokens.length, "token")}, ${changed} changed by guidance`);
  if (step.stop) said.push(`the generation ended: ${step.stop}`);
  if (replay.cut && number === replay.steps.length - 1) said.push("the log ends here");
  byId("say").textContent = said.join("; ");
  drawCode(replay, number);
  drawCandidates(step, replay, number);
  const warnings = replay.warnings || [];
  byId("warnings").hidden = warnings.length === 0;
  byId("warnings").textContent = "Warnings: " + warnings.join("; ");
}

function drawCode(replay, number) {
  let from = number;
  while (from > 0 && !replay.steps[from].restart) from -= 1;
  const past = replay.steps.slice(from, number).flatMap((step) => step.tokens || []).map((token) => token.t).join("");
  const step = replay.steps[number];
  const tokens = step.tokens || [];
  const buttons = tokens.map((token, index) => {
    const parts = token.t.split(/(\n)/).filter(Boolean).flatMap((text) => (text === "\n" ? [el("span", { class: "eol", "aria-hidden": "true" }, "⏎"), "\n"] : [text]));
    const name = `token ${index + 1}: ${visible(token.t) || "end of text"}${token.i === undefined ? "" : `, instead of ${visible(token.i)}`}`;
    // No button element: that would be a box of its own and could not run over the end of a line.
    const button = el("span", { role: "button", tabindex: 0, class: token.i === undefined ? "tok" : "tok changed", "aria-label": name, "aria-pressed": "false" }, ...(parts.length ? parts : [el("span", { class: "eol" }, "∎")]));
    button.addEventListener("click", () => pick(tokens, index));
    button.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pick(tokens, index); }
    });
    return button;
  });
  const shownCode = step.program === undefined || tokens.length ? past : "";
  byId("code").replaceChildren(el("span", { class: "past" }, shownCode), el("span", { class: "now" }, ...buttons, step.program && !tokens.length ? step.program : ""));
  byId("code-title").textContent = step.program && !tokens.length ? "The program it ended with" : "The code so far";
  byId("tokens").hidden = tokens.length === 0;
  if (tokens.length) {
    const gap = (token) => (token.p === undefined || token.g === undefined ? 0 : Math.abs(token.p - token.g));
    let chosen = tokens.findIndex((token) => token.i !== undefined);
    if (chosen < 0) chosen = tokens.reduce((best, token, index) => (gap(token) > gap(tokens[best]) ? index : best), 0);
    pick(tokens, chosen);
  }
  byId("code").scrollTop = byId("code").scrollHeight;
}

function pick(tokens, index) {
  const token = tokens[index];
  byId("code").querySelectorAll(".tok").forEach((button, i) => button.setAttribute("aria-pressed", String(i === index)));
  const quote = (text, name) => el("q", { class: name }, visible(text) || "end of text");
  byId("said").replaceChildren(...(token.i === undefined
    ? [quote(token.t), token.g === undefined ? " was written by the plain stream alone" : " is what the plain stream would have written too"]
    : ["Guidance wrote ", quote(token.t, "new"), " instead of ", quote(token.i)]));
  if (token.i === undefined && token.g !== undefined && token.p === undefined) byId("said").lastChild.textContent = " was written by the guided stream; the plain one was not computed here";
  const heads = token.h && token.h.length ? token.h : [[token.t, token.p, token.g, null]];
  const share = (log, name) => {
    if (log === null || log === undefined) return el("td", {}, el("span", { class: "none" }, "–"));
    const percent = 100 * Math.exp(log);
    const text = percent >= 99.95 ? "100" : percent >= 10 ? percent.toFixed(1) : percent >= 0.01 ? percent.toFixed(2) : "< 0.01";
    const fill = el("i", {});
    fill.style.width = `${percent}%`;
    return el("td", {}, text, el("span", { class: "pct" }, " %"), el("span", { class: "bar " + name, "aria-hidden": "true" }, fill));
  };
  byId("heads").tBodies[0].replaceChildren(...heads.map(([text, plain, guided, blend]) => el("tr", { class: text === token.t ? "pick" : "" },
    el("th", { scope: "row" }, visible(text) || "end of text", text === token.t ? el("span", { class: "vh" }, " (chosen)") : null), share(plain, "plain"), share(guided, "guided"), share(blend, "blend"))));
  byId("no-heads").hidden = Boolean(token.h && token.h.length);
}

function verdictList(verdicts) {
  return el("ul", { class: "verdicts" }, ...verdicts.map((verdict, index) => el("li", {}, mark(verdict.ok), ` test ${index + 1}: ${verdict.v}`,
    verdict.e ? ` – ${verdict.e}` : "", verdict.got ? el("span", { class: "mono" }, ` gives ${verdict.got}`) : "")));
}

function drawCandidates(step) {
  const runs = step.runs || [];
  const cards = (list) => list.map((candidate) => {
    const run = runs.find((own) => own.id === candidate.id);
    const passes = run ? run.verdicts.filter((v) => v.ok).length : 0;
    const all = run && run.verdicts.length > 0 && passes === run.verdicts.length;
    const facts = [candidate.finished ? "finished" : "to the horizon", plural(candidate.new, "token")];
    if (candidate.kept) facts.push(`${candidate.kept} kept`);
    if (!run) facts.push(candidate.distinct ? "not run: same program as another, or none" : "same text as another");
    if (run && run.cached) facts.push("ran before");
    return el("article", { class: all ? "cand passes" : "cand", "aria-label": `candidate ${candidate.id}` },
      el("header", {}, el("b", {}, `Candidate ${candidate.id}`), run ? el("span", { class: all ? "ok" : "bad" }, `${all ? "✓" : "✗"} passes ${passes} of ${run.verdicts.length}`) : null, el("span", {}, facts.join(" · "))),
      el("pre", {}, candidate.text.trimEnd()), run ? verdictList(run.verdicts) : null,
      run ? el("details", {}, el("summary", {}, "The program that ran"), el("pre", {}, run.program)) : null);
  });
  const others = runs.filter((run) => !(step.candidates || []).some((candidate) => candidate.id === run.id));
  const memory = others.map((run) => el("article", { class: "cand" }, el("header", {}, el("b", {}, `Candidate ${run.id}`), el("span", {}, "the code so far, or from memory")), el("pre", {}, run.program), verdictList(run.verdicts)));
  const list = [...cards(step.candidates || []), ...memory];
  if (step.second) list.push(el("h3", {}, "Drawn from the guided stream, as a second opinion"), ...cards(step.second));
  if (step.verdicts) list.unshift(el("h3", {}, "Shown tests on this program"), verdictList(step.verdicts));
  byId("candidates").replaceChildren(...(list.length ? list : [el("p", { class: "hint" }, "No candidates were drawn at this step.")]));
  byId("signal").hidden = !step.signal;
  if (step.signal) {
    const left = step.signal.omitted ? `, ${plural(step.signal.omitted, "line")} of traces left out` : "";
    byId("signal-title").textContent = `Signal block: ${plural(step.signal.entries, "entry", "entries")}, ${plural(step.signal.tokens, "token")}${left}`;
    byId("signal-text").textContent = step.signal.text;
  }
}

route(true);
