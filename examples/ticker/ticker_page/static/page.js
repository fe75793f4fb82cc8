// @ts-check
/** A page that shows the prices. It builds elements and sets their text; nothing it receives is markup. */

import { Link } from "./parlour.js";

const SYMBOLS = ["ACME", "GLOBEX", "INITECH", "UMBRELLA"];

/** @param {string} selector @returns {any} */
const find = (selector) => document.querySelector(selector);
const [form, status, table, leave] = ["form", "[role=status]", "table", "#leave"].map(find);
/** @type {Map<string, HTMLTableCellElement>} */
const cells = new Map();

document.title = find("h1").textContent = "Ticker";

/** @type {Link} */
const link = new Link({
  protocol: "ticker.v1",
  server: document.documentElement.dataset.server,
  onConnected: () => link.ask({ type: "watch", symbols: SYMBOLS }),
  onPush: show,
  onStatus: (now, why) => {
    status.textContent = why ? `${now}: ${why.message}` : now;
    form.hidden = now !== "logged out";
    table.hidden = leave.hidden = !form.hidden;
  },
});

/** @param {import("./parlour.js").Frame} price */
function show(price) {
  const cell = cells.get(price.symbol) ?? newCell(price.symbol);
  cell.textContent = (price.cents / 100).toFixed(2);
}

/** @param {string} symbol @returns {HTMLTableCellElement} */
function newCell(symbol) {
  const row = table.tBodies[0].insertRow();
  row.insertCell().textContent = symbol;
  cells.set(symbol, row.insertCell());
  return row.cells[1];
}

/** @param {Error} why */
const tell = (why) => (status.textContent = why.message);

form.addEventListener("submit", async (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const [name, password] = [form.username.value, form.password.value];
  form.password.value = "";
  await link.logIn(name, password).catch(tell);
});
leave.addEventListener("click", () => link.logOut().catch(tell));
