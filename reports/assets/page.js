"use strict";

// Sorting: absent values come last both ways; rows that tie keep their order.
function sortBy(table, column, header) {
  const descending = header.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const body = table.tBodies[0];
  const value = (row) => {
    const text = row.cells[column].dataset.sort;
    if (header.dataset.kind === "text") return text;
    return text === "" ? null : Number(text);
  };
  const compare = (a, b) => {
    const [left, right] = [value(a), value(b)];
    if (left === null || right === null) return (left === null) - (right === null);
    const order = typeof left === "string" ? left.localeCompare(right, "en", { numeric: true }) : left - right;
    return descending ? -order : order;
  };
  body.append(...[...body.rows].sort(compare));
}

// Filtering: every word must occur somewhere in the row, every choice must equal its cell.
function filter(box) {
  const words = box.querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
  const choices = [...box.querySelectorAll("select")].filter((choice) => choice.value !== "");
  const rows = [...document.getElementById(box.dataset.table).tBodies[0].rows];
  let shown = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    const kept =
      words.every((word) => text.includes(word)) &&
      choices.every((choice) => row.cells[choice.dataset.column].dataset.sort === choice.value);
    row.hidden = !kept;
    shown += kept;
  }
  box.querySelector("output").value = `${shown} of ${rows.length} rows`;
}

function reveal() {
  // A run that a filter hides must still be found by the link that leads to it.
  const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!row || !row.matches("tr")) return;
  const box = document.querySelector(`.filters[data-table="${row.closest("table").id}"]`);
  if (row.hidden && box) {
    box.querySelector("input").value = "";
    for (const choice of box.querySelectorAll("select")) choice.value = "";
    filter(box);
  }
  row.scrollIntoView({ block: "center" });
}

for (const table of document.querySelectorAll("table")) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    const button = header.querySelector("button");
    if (button) button.addEventListener("click", () => sortBy(table, column, header));
  });
}
for (const box of document.querySelectorAll(".filters")) {
  box.hidden = false;
  box.addEventListener("input", () => filter(box));
  filter(box);
}

// A number, clicked, shows the runs behind it; the keyboard finds them at the end of a table's row,
// and by Enter on a figure's point.
const behind = document.getElementById("behind");
function showRuns(text, ids, place) {
  if (!ids.length) return;
  const title = document.createElement("p");
  title.textContent = `${text}: ${ids.length} ${ids.length === 1 ? "run" : "runs"}`;
  const links = ids.map((id) => Object.assign(document.createElement("a"), { href: `#run-${id}`, textContent: id }));
  behind.replaceChildren(title, ...links.flatMap((link) => [link, " "]));
  behind.setAttribute("aria-label", title.textContent);
  behind.hidden = false;
  const { offsetWidth: width, offsetHeight: height } = behind;
  const top = place.bottom + height + 12 > innerHeight ? place.top - height - 4 : place.bottom + 4;
  behind.style.left = `${Math.max(8, Math.min(place.left, document.documentElement.clientWidth - width - 8))}px`;
  behind.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`;
  behind.focus({ preventScroll: true });
}
function showCell(cell) {
  const heading = cell.closest("table").tHead.rows[0].cells[cell.cellIndex].textContent.trim();
  const links = [...cell.parentElement.querySelectorAll("td details a")];
  showRuns(`${heading} ${cell.textContent}`, links.map((link) => link.textContent), cell.getBoundingClientRect());
}
function showPoint(point) {
  showRuns(point.dataset.note, point.dataset.runs.split(" "), point.getBoundingClientRect());
}
document.addEventListener("click", (event) => {
  const cell = event.target.closest("table.traced td.number");
  if (cell && cell.textContent !== "—" && getSelection().isCollapsed) showCell(cell);
  else if (event.target.closest(".point[data-runs]")) showPoint(event.target.closest(".point"));
  else if (event.target.closest("a") || !behind.contains(event.target)) behind.hidden = true;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") behind.hidden = true;
});
for (const box of document.querySelectorAll(".scroll")) {
  box.addEventListener("scroll", () => (behind.hidden = true));
}

const tip = document.getElementById("tip");
function say(point, x, y) {
  document.querySelectorAll(".point.on").forEach((other) => other.classList.remove("on"));
  tip.hidden = !point;
  if (!point) return;
  point.classList.add("on");
  tip.textContent = point.dataset.note;
  tip.style.left = `${Math.max(8, Math.min(x + 12, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${y + 16 + tip.offsetHeight > innerHeight ? y - tip.offsetHeight - 10 : y + 16}px`;
}
for (const point of document.querySelectorAll(".point")) {
  const title = point.querySelector("title");
  point.dataset.note = title.textContent;
  title.remove(); // one tooltip, not the browser's as well
  point.setAttribute("aria-label", point.dataset.note);
  point.setAttribute("role", "img");
}
for (const drawing of document.querySelectorAll(".drawing")) {
  const points = [...drawing.querySelectorAll(".point")];
  drawing.addEventListener("pointermove", (event) => say(event.target.closest(".point"), event.clientX, event.clientY));
  drawing.addEventListener("pointerleave", () => say(null));
  // One stop for the keyboard: arrows go from point to point.
  let at = -1;
  drawing.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") say(null);
    if (event.key === "Enter" && points[at]?.dataset.runs) showPoint(points[at]);
    if (!step || !points.length) return;
    event.preventDefault();
    at = (at + step + points.length) % points.length;
    const place = points[at].getBoundingClientRect();
    say(points[at], place.right, place.bottom);
  });
  drawing.addEventListener("blur", () => say(null));
}
addEventListener("hashchange", reveal);
reveal();
if (matchMedia("(max-width: 60rem)").matches) document.querySelector("nav details").open = false;
