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
