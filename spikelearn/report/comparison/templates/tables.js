// Tables that sort by click or key, and buttons that copy.
function sortTable(table, column, direction) {
  const body = table.tBodies[0];
  const sign = direction === "descending" ? -1 : 1;
  const value = (row) => {
    const text = row.cells[column].dataset.value ?? row.cells[column].textContent;
    return text === "" ? null : Number.isNaN(Number(text)) ? text : Number(text);
  };
  const rows = [...body.rows].map((row, position) => ({ row, position, key: value(row) }));
  rows.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null) || a.position - b.position;
    const order = typeof a.key === "number" && typeof b.key === "number" ? a.key - b.key : String(a.key).localeCompare(String(b.key));
    return sign * order || a.position - b.position;
  });
  body.append(...rows.map((item) => item.row));
  [...table.tHead.rows[0].cells].forEach((cell, index) => {
    if (cell.hasAttribute("aria-sort")) cell.setAttribute("aria-sort", index === column ? direction : "none");
  });
}

function applySorting() {
  for (const table of all("table[data-sortable]")) {
    const [column, direction] = (state.sort[table.dataset.sortable] ?? "").split(".");
    const heads = [...table.tHead.rows[0].cells];
    const index = heads.findIndex((cell) => cell.dataset.column === column && cell.hasAttribute("aria-sort"));
    if (index >= 0) sortTable(table, index, direction === "descending" ? "descending" : "ascending");
  }
}

function startTables() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (button?.matches(".sort")) {
      const cell = button.closest("th");
      const table = button.closest("table");
      const direction = cell.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      sortTable(table, cell.cellIndex, direction);
      state.sort[table.dataset.sortable] = `${cell.dataset.column}.${direction}`;
      writeAddress();
    }
    if (button?.dataset.copy !== undefined) {
      await copy(button.dataset.copy);
      const before = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = before; }, 1500);
    }
  });
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // pages opened from a file have no clipboard in some browsers
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
