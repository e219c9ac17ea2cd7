(() => {
  const table = document.getElementById("instances");
  const form = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const entries = [...table.tBodies].map((body) => ({
    body,
    details: body.querySelector("details"),
    text: body.rows[0].textContent.toLowerCase(),
    cells: [...body.rows[0].cells].map((cell) => cell.textContent.trim()),
  }));
  const make = (tag, className = "", text = "") => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.textContent = text;
    return made;
  };

  // Trajectories: unpacked when they are looked at, or when all text is searched.
  const unpack = async (script) => {
    const bytes = Uint8Array.from(atob(script.textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  };
  const trajectories = (entry) =>
    (entry.packed ??= Promise.all([...entry.body.querySelectorAll('script[type="application/gzip+base64"]')].map(unpack)));

  const FOLDED = 12;
  const turn = ({ role, text, action }, id, number) => {
    const item = make("li", role === "assistant" ? "assistant" : "");
    item.id = id;
    item.tabIndex = -1;
    const head = make("header");
    const link = make("a", "", `${number}`);
    link.href = `#${id}`;
    link.setAttribute("aria-label", `Turn ${number}`);
    head.append(link, make("span", "", role === "assistant" ? "agent" : role === "user" || role === "tool" ? "observation" : role));
    item.append(head);
    const lines = text.split("\n").length;
    if (role === "assistant") {
      if (text) item.append(make("p", "words", text));
      if (action) item.append(make("pre", "", action));
    } else if (lines > FOLDED) {
      const folded = make("details");
      folded.append(make("summary", "", `${lines.toLocaleString("en")} lines: ${text.trimStart().split("\n")[0].slice(0, 80)}`));
      folded.append(make("pre", "", text));
      item.append(folded);
    } else item.append(make("pre", "", text));
    return item;
  };
  const talk = ({ status, resolved, turns }, name, sample, many) => {
    const column = make("div");
    const verdict = resolved === null ? "" : resolved ? ", resolved" : ", not resolved";
    column.append(make("p", "quiet", `${many ? `Trajectory ${sample}: ` : ""}${turns.length} messages, ${status ?? "no exit status"}${verdict}`));
    const list = make("ol", "talk");
    list.append(...turns.map((one, place) => turn(one, `t:${name}/${sample}/${place + 1}`, place + 1)));
    column.append(list);
    return column;
  };
  const fill = (entry) =>
    (entry.filled ??= trajectories(entry).then((found) => {
      const name = entry.body.id.slice(2);
      const columns = found.map((one, place) => talk(one, name, place + 1, found.length > 1));
      entry.body.querySelector(".talks")?.replaceChildren(...columns);
    }));
  for (const entry of entries) entry.details.addEventListener("toggle", () => entry.details.open && fill(entry));

  // Links to an instance (#i:ID) and to a turn of a trajectory of it (#t:ID/trajectory/turn).
  const follow = async () => {
    const hash = decodeURIComponent(location.hash.slice(1));
    const name = hash.startsWith("t:") ? hash.slice(2).split("/")[0] : hash.startsWith("i:") ? hash.slice(2) : null;
    const entry = entries.find(({ body }) => body.id === `i:${name}`);
    if (!entry) return;
    entry.body.hidden = false;
    entry.details.open = true;
    await fill(entry);
    const target = document.getElementById(hash);
    target?.scrollIntoView({ block: "start" });
    (target?.matches("li") ? target : entry.details.firstElementChild).focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);

  // Filter and sort.
  let asked = 0;
  const everything = async (entry) =>
    (entry.all ??= [entry.body.textContent, ...(await trajectories(entry)).flatMap(({ turns }) => turns.flatMap((one) => [one.text, one.action]))]
      .join("\n")
      .toLowerCase());
  const filter = async () => {
    const mine = ++asked;
    const text = form.elements.text.value.trim().toLowerCase();
    const verdict = form.elements.verdict.value;
    const operator = text.startsWith("operator:") ? text.slice("operator:".length) : null;
    const all = text !== "" && operator === null && form.elements.all.checked;
    let count = 0;
    for (const [place, entry] of [...entries].entries()) {
      if (all && !entry.all && place % 50 === 0) {
        shown.textContent = `reading ${place} of ${entries.length}`;
        await new Promise((later) => setTimeout(later));
      }
      const own = all ? await everything(entry) : entry.text;
      if (mine !== asked) return;
      const fits = operator === null ? own.includes(text) : entry.body.dataset.operator.toLowerCase() === operator;
      entry.body.hidden = !fits || (verdict !== "" && entry.body.dataset.verdict !== verdict);
      count += !entry.body.hidden;
    }
    shown.textContent = `${count} of ${entries.length}`;
  };
  const sort = (heading, column) => {
    const up = heading.getAttribute("aria-sort") !== "ascending";
    const compare = heading.classList.contains("num")
      ? (a, b) => Number(a.replaceAll(",", "")) - Number(b.replaceAll(",", ""))
      : (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    entries.sort((a, b) => (up ? 1 : -1) * compare(a.cells[column], b.cells[column]));
    table.append(...entries.map(({ body }) => body));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  };
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = make("button", "", heading.textContent.trim());
    button.type = "button";
    button.addEventListener("click", () => sort(heading, column));
    heading.replaceChildren(button);
  });
  form.addEventListener("input", filter);
  for (const link of document.querySelectorAll("a[data-find], a[data-verdict]")) {
    link.addEventListener("click", () => {
      form.elements.text.value = link.dataset.find ?? "";
      form.elements.verdict.value = link.dataset.verdict ?? "";
      form.elements.all.checked = false;
      filter();
    });
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;

  // Keys.
  const step = (list, at, by) => list[at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(list.length - 1, Math.max(0, at + by))];
  const current = () => entries.find(({ body }) => body.contains(document.activeElement));
  const instance = (by) => {
    const visible = entries.filter(({ body }) => !body.hidden);
    const next = step(visible, visible.indexOf(current()), by);
    next?.details.firstElementChild.focus();
  };
  const within = (by) => {
    const turns = [...(current()?.body.querySelectorAll(".talk > li") ?? [])];
    const next = step(turns, turns.findIndex((item) => item.contains(document.activeElement)), by);
    next?.focus();
    next?.scrollIntoView({ block: "start" });
  };
  const toggle = () => {
    const entry = current();
    if (!entry) return;
    entry.details.open = !entry.details.open;
    if (!entry.details.open) entry.details.firstElementChild.focus();
  };
  const keys = {
    "/": () => form.elements.text.focus(),
    j: () => instance(1),
    k: () => instance(-1),
    o: toggle,
    n: () => within(1),
    p: () => within(-1),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  document.getElementById("keys").hidden = false;
  filter();
  follow();
})();
