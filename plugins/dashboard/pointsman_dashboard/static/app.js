// What every page does: tables that sort, logs that go on, questions before what cannot be undone.
"use strict";

const token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";

function sortable(table) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, place) => {
    heading.classList.add("sorts");
    heading.tabIndex = 0;
    heading.setAttribute("aria-sort", "none");
    const sort = () => {
      const down = heading.getAttribute("aria-sort") !== "descending";
      headings.forEach((each) => each.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const number = heading.classList.contains("number");
      const value = (row) => row.cells[place]?.dataset.sort ?? row.cells[place]?.textContent ?? "";
      const rows = [...table.tBodies[0].rows].sort((one, other) => {
        const [a, b] = [value(one), value(other)];
        if (a === "" || b === "") return (a === "") - (b === "");
        const order = number ? Number(a) - Number(b) : a.localeCompare(b);
        return down ? -order : order;
      });
      table.tBodies[0].append(...rows);
    };
    heading.addEventListener("click", sort);
    heading.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        sort();
      }
    });
  });
}

// New rows come as texts, and are put in as texts.
function row(cells) {
  const made = document.createElement("tr");
  made.className = "new";
  for (const cell of cells) {
    const td = document.createElement("td");
    td.className = cell.style;
    td.dataset.sort = cell.sort;
    if (cell.link) {
      const a = document.createElement("a");
      a.href = cell.link;
      a.textContent = cell.text;
      td.append(a);
    } else {
      td.textContent = cell.text;
    }
    made.append(td);
  }
  return made;
}

function follow(table) {
  const box = document.querySelector("#follow");
  const state = document.querySelector("#follow-state");
  let place = table.dataset.place;
  let timer = 0;
  const look = async () => {
    const query = new URLSearchParams(location.search);
    query.set("after", place);
    try {
      const answer = await fetch(`${table.dataset.tail}?${query}`, { headers: { accept: "application/json" } });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const told = await answer.json();
      place = told.place;
      const body = table.tBodies[0];
      for (const cells of told.rows) body.prepend(row(cells));
      while (body.rows.length > 500) body.lastElementChild.remove();
      state.textContent = "";
    } catch (error) {
      state.textContent = `cannot be read: ${error.message}`;
    }
    if (box.checked) timer = setTimeout(look, 1500);
  };
  box.addEventListener("change", () => {
    clearTimeout(timer);
    if (box.checked) look();
  });
  if (box.checked) look();
}

document.querySelectorAll("table.data").forEach(sortable);
document.querySelectorAll("table[data-tail]").forEach(follow);
document.querySelectorAll("form[data-ask]").forEach((form) => {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.dataset.ask)) event.preventDefault();
  });
});
document.querySelectorAll("select[data-go]").forEach((select) => {
  select.addEventListener("change", () => select.form.requestSubmit());
});
document.querySelectorAll("button[data-copy]").forEach((button) => {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
});
