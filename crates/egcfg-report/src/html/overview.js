// The list of tasks: by id and by what became of them.
for (const box of document.querySelectorAll(".filters")) {
  const table = byId(box.dataset.table);
  const [text, kind] = [box.querySelector("input"), box.querySelector("select")];
  const count = box.querySelector("output");
  const rows = [...table.tBodies[0].rows];
  const update = () => {
    const wanted = text.value.trim().toLowerCase();
    let left = 0;
    for (const row of rows) {
      const fits = row.dataset.id.toLowerCase().includes(wanted) && (!kind.value || row.dataset.kind.split(" ").includes(kind.value));
      row.hidden = !fits;
      left += fits ? 1 : 0;
    }
    count.textContent = `${left} of ${rows.length} tasks`;
  };
  text.addEventListener("input", update);
  kind.addEventListener("change", update);
}
// Sorting: a column's title is a button; the same again turns the order round.
for (const table of document.querySelectorAll("table.tasks")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const natural = new Intl.Collator(undefined, { numeric: true });
  heads.forEach((head, column) => {
    const button = el("button", { type: "button", class: "sort" }, head.textContent);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "descending" || (column === 0 && head.getAttribute("aria-sort") !== "ascending");
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "ascending" : "descending");
      const value = (row) => (column === 0 ? row.dataset.id : Number(row.cells[column].dataset.v));
      const order = (a, b) => (column === 0 ? natural.compare(value(a), value(b)) : value(a) - value(b) || natural.compare(a.dataset.id, b.dataset.id));
      const rows = [...body.rows].sort((a, b) => (down ? order(a, b) : order(b, a)));
      body.replaceChildren(...rows);
    });
  });
}
