(() => {
  const make = (tag, className = "", text = "") => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.textContent = text;
    return made;
  };
  const table = document.getElementById("instances");
  const form = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const more = document.getElementById("more");
  // A browser lays out what it shows: a long table shows its first rows, and more when asked.
  const STEP = [...table.tBodies].filter((body) => !body.hidden).length;
  let room = STEP;
  const entries = [...table.tBodies].map((body) => ({ body, row: body.rows[0], details: body.querySelector("details") }));
  const text = (entry) => (entry.text ??= entry.row.textContent.toLowerCase());

  // What a row holds: unpacked when it is looked at, or when all text is searched.
  const unpack = async (script) => {
    const bytes = Uint8Array.from(atob(script.textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  const packed = (entry, type) => Promise.all([...entry.body.querySelectorAll(`script[type="${type}"]`)].map(unpack));
  const trajectories = async (entry) => (await packed(entry, "application/json+gzip")).map((one) => JSON.parse(one));

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
    (entry.filled ??= Promise.all([packed(entry, "text/html+gzip"), trajectories(entry)]).then(([[html], found]) => {
      // The template escaped what was written elsewhere, and the page's policy runs no script but this one.
      entry.details.querySelector(".inside").innerHTML = html;
      const name = entry.body.id.slice(2);
      const columns = found.map((one, place) => talk(one, name, place + 1, found.length > 1));
      entry.body.querySelector(".talks")?.replaceChildren(...columns);
    }));
  for (const entry of entries) entry.details.addEventListener("toggle", () => entry.details.open && fill(entry));

  // Filter: words, and terms such as verdict:"timed_out" or tokens:"512..1024" of a row's data.
  const TERM = /(\w+):"([^"]*)"/g;
  const KEYS = new Set(entries.flatMap(({ body }) => Object.keys(body.dataset)));
  const holds = (values, wanted) => {
    const [, low, high] = /^(\d+)\.\.(\d*)$/.exec(wanted) ?? [];
    if (low === undefined) return values.includes(wanted);
    return values.some((one) => Number(one) >= Number(low) && (high === "" || Number(one) <= Number(high)));
  };
  const asking = () => {
    const terms = [];
    const words = form.elements.text.value.replace(TERM, (whole, key, wanted) => {
      if (!KEYS.has(key)) return whole;
      terms.push([key, wanted]);
      return "";
    });
    const select = form.querySelector("select");
    if (select.value) terms.push([select.name, select.value]);
    return { words: words.trim().toLowerCase(), terms };
  };
  const plain = document.createElement("template");
  const everything = async (entry) => {
    if (entry.all === undefined) {
      const [[html], found] = await Promise.all([packed(entry, "text/html+gzip"), trajectories(entry)]);
      plain.innerHTML = html;
      const said = found.flatMap(({ turns }) => turns.flatMap((one) => [one.text, one.action]));
      entry.all = [text(entry), plain.content.textContent, ...said].join("\n").toLowerCase();
    }
    return entry.all;
  };
  const show = () => {
    let count = 0;
    const visible = [];
    for (const { body, fits } of entries) {
      body.hidden = !fits || ++count > room;
      if (!body.hidden) visible.push(body);
    }
    table.append(...visible); // in the order of the entries; where hidden ones are does not matter
    shown.textContent = `${count} of ${entries.length}`;
    more.hidden = count <= room;
    more.textContent = `Show ${Math.min(STEP, count - room)} more of ${count}`;
  };
  more.addEventListener("click", () => {
    const next = entries.filter(({ fits }) => fits)[room];
    room += STEP;
    show();
    next.details.firstElementChild.focus();
  });
  let asked = 0;
  const AT_ONCE = 100;
  const filter = async () => {
    const mine = ++asked;
    const { words, terms } = asking();
    const fitting = entries.filter(({ body }) => terms.every(([key, wanted]) => holds((body.dataset[key] ?? "").split("\n"), wanted)));
    const chosen = new Set(fitting);
    const all = words !== "" && form.elements.all.checked;
    if (words !== "" && !all) for (const entry of fitting) if (!text(entry).includes(words)) chosen.delete(entry);
    for (let place = 0; all && place < fitting.length; place += AT_ONCE) {
      shown.textContent = `reading ${place} of ${fitting.length}`;
      const some = fitting.slice(place, place + AT_ONCE);
      const texts = await Promise.all(some.map(everything));
      if (mine !== asked) return;
      some.forEach((entry, number) => texts[number].includes(words) || chosen.delete(entry));
    }
    room = STEP;
    for (const entry of entries) entry.fits = chosen.has(entry);
    show();
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;

  // Links to an instance (#i:ID), to a turn of a trajectory of it (#t:ID/trajectory/turn), and to what a filter finds (#f:…).
  const follow = async () => {
    const hash = decodeURIComponent(location.hash.slice(1));
    if (hash.startsWith("f:")) {
      form.elements.text.value = hash.slice(2);
      form.querySelector("select").value = "";
      form.elements.all.checked = false;
      await filter();
      document.getElementById("each").scrollIntoView({ block: "start" });
      form.elements.text.focus({ preventScroll: true });
      return;
    }
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

  // Sort any table by a column.
  const value = (row, column, numbers) => {
    const said = row.cells[column].textContent.trim();
    return numbers ? (parseFloat(said.replaceAll(",", "")) || 0) : said;
  };
  const sorted = (rows, row, column, numbers, up) => {
    const keys = new Map(rows.map((one) => [one, value(row(one), column, numbers)]));
    const compare = (a, b) => (numbers ? a - b : a < b ? -1 : a > b ? 1 : 0);
    return rows.sort((a, b) => (up ? 1 : -1) * compare(keys.get(a), keys.get(b)));
  };
  const sort = (one, heading, column) => {
    const up = heading.getAttribute("aria-sort") !== "ascending";
    const numbers = heading.classList.contains("num");
    if (one === table) {
      sorted(entries, ({ row }) => row, column, numbers, up);
      show();
    } else one.tBodies[0].append(...sorted([...one.tBodies[0].rows], (row) => row, column, numbers, up));
    for (const other of one.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  };
  for (const one of document.querySelectorAll("table.sorts")) {
    [...one.tHead.rows[0].cells].forEach((heading, column) => {
      const button = make("button", "", heading.textContent.trim());
      button.type = "button";
      button.addEventListener("click", () => sort(one, heading, column));
      heading.replaceChildren(button);
    });
  }

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
  filter().then(follow);
})();
