// The task itself, and a run's program beside another's: by default the plain one, whose lines guidance changed.
function drawCard(card) {
  byId("card").hidden = !card;
  if (!card) return;
  byId("card-prompt").textContent = card.prompt;
  const list = (title, tests) => [el("h3", {}, title), ...tests.map((test) => el("pre", { class: "test" }, test))];
  const graded = card.graded_tests || [];
  const more = graded.length === 0 && card.graded > card.shown_tests.length ? [el("p", { class: "hint" }, `${card.graded} graded tests; their texts stand with the results below.`)] : [];
  byId("card-tests").replaceChildren(...list("Shown tests", card.shown_tests), ...(graded.length ? list("Graded tests", graded) : more));
}

const runName = (run) => `${view.task.methods[run.c]} · ${run.c}${run.g ? ` · γ ${run.g}` : ""}${run.r ? ` · repetition ${run.r}` : ""}`;

function drawBeside(run) {
  const others = view.runs.filter((other) => other !== run);
  byId("beside").hidden = others.length === 0;
  if (!others.length) return;
  const plain = others.find((other) => other.c.startsWith("plain")) || others.find((other) => other.g === 0 && other.c === run.c);
  const other = others.includes(view.other) ? view.other : plain || others[0];
  const select = byId("other");
  select.replaceChildren(...others.map((own, index) => el("option", { value: index, selected: own === other }, runName(own))));
  select.onchange = () => { view.other = others[Number(select.value)]; drawBeside(run); };
  const lines = difference(other.code.split("\n"), run.code.split("\n"));
  const changed = lines.filter((line) => line[0] !== " ").length;
  const word = (own) => (own.broken ? "not scored" : own.passed ? "passes" : "fails");
  byId("beside-said").textContent = changed ? `− ${runName(other)} (${word(other)}), + ${runName(run)} (${word(run)})` : "Both wrote the same program.";
  byId("diff").replaceChildren(...lines.map(([sign, text]) => el("span", { class: sign === "+" ? "add" : sign === "-" ? "del" : "" }, `${sign} ${text}\n`)));
}

// Lines that only the one, only the other, or both have, by the longest common subsequence.
function difference(a, b) {
  if (a.length * b.length > 4e6) return [...a.map((line) => ["-", line]), ...b.map((line) => ["+", line])];
  const best = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) for (let j = b.length - 1; j >= 0; j -= 1) {
    best[i][j] = a[i] === b[j] ? best[i + 1][j + 1] + 1 : Math.max(best[i + 1][j], best[i][j + 1]);
  }
  const lines = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { lines.push([" ", a[i]]); i += 1; j += 1; }
    else if (j >= b.length || (i < a.length && best[i + 1][j] >= best[i][j + 1])) { lines.push(["-", a[i]]); i += 1; }
    else { lines.push(["+", b[j]]); j += 1; }
  }
  return lines;
}
