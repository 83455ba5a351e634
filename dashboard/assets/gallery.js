// A grid of photos that is looked through and reviewed with mouse, touch or keyboard.
// data: {items: [{id, name, src, caption, decision, said, review}], labels: [..], colours: {decision: colour},
//        reviewing: bool, done: number}; triggers: `open` {id}, `review` [{number, ids, correct | label | undo}].
// What is chosen and focused lives here, so that moving about asks nothing of the server. Of several triggers that come
// while the server is busy it may see the last one only: so each carries all that was not yet reported as `done`.
// What was done the items tell: a review that is shown before is taken back there if it was refused.
const states = new WeakMap();

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const fresh = { focus: 0, chosen: new Set(), anchor: null, said: new Map(), waiting: [], number: Date.now() };
  const state = states.get(parentElement) ?? fresh;
  states.set(parentElement, state);
  state.waiting = state.waiting.filter((one) => one.number > data.done);
  const root = parentElement.querySelector(".gallery");
  const items = data.items;
  const known = new Set(items.map((item) => item.id));
  state.chosen = new Set([...state.chosen].filter((id) => known.has(id)));
  state.focus = Math.min(state.focus, Math.max(0, items.length - 1));
  for (const [id, one] of state.said) if (one.number <= data.done) state.said.delete(id);

  const bar = root.querySelector(".bar");
  const list = root.querySelector(".photos");
  // Photos that are shown anew keep the focus, or a key pressed while somebody reviews would go nowhere.
  const focused = list.contains(list.getRootNode().activeElement);
  list.replaceChildren(...items.map(card));
  bar.replaceChildren(...tools());
  bar.hidden = !data.reviewing;
  root.querySelector(".keys").hidden = !data.reviewing;
  list.onkeydown = onKey;
  refresh(false);
  if (focused) list.children[state.focus]?.focus({ preventScroll: true });

  function card(item, index) {
    const option = make("div", "photo");
    option.setAttribute("role", "option");
    option.dataset.id = item.id;
    option.dataset.index = index;
    if (item.src) {
      const image = make("img");
      image.src = item.src;
      image.alt = "";
      image.loading = "lazy";
      option.append(image);
    } else {
      option.append(make("div", "nothing", "no preview"));
    }
    const line = make("div", "line");
    const dot = make("span", "dot");
    dot.style.background = data.colours[item.decision] ?? "currentColor";
    line.append(dot, make("span", "caption", item.caption));
    const name = make("div", "name", item.name.split("/").pop());
    name.title = item.name;
    option.append(line, name, make("div", "verdict", ""));
    // Screen readers move the focus without keys.
    option.onfocus = () => {
      state.focus = index;
    };
    option.onclick = (event) => {
      state.focus = index;
      if (data.reviewing && event.shiftKey) span(index);
      else if (data.reviewing && (event.ctrlKey || event.metaKey || event.target.closest(".tick"))) toggle(item.id, index);
      else setTriggerValue("open", { id: item.id });
      refresh(true);
    };
    if (data.reviewing) {
      const tick = make("span", "tick");
      tick.setAttribute("aria-hidden", "true");
      option.append(tick);
    }
    return option;
  }

  function tools() {
    const count = make("span", "count", "");
    count.setAttribute("aria-live", "polite");
    const pick = make("select");
    pick.setAttribute("aria-label", "The right label");
    pick.append(new Option("Correct to …", ""), ...data.labels.map((label) => new Option(label, label)));
    pick.onchange = () => {
      if (pick.value) review({ label: pick.value });
      pick.value = "";
    };
    const all = button("Select all", () => {
      const whole = state.chosen.size < items.length;
      state.chosen = new Set(whole ? items.map((item) => item.id) : []);
      refresh(false);
    });
    all.classList.add("all");
    return [
      count,
      button("Confirm", () => review({ correct: true })),
      pick,
      button("None of these", () => review({ label: null })),
      button("Take back", () => review({ undo: true })),
      all,
    ];
  }

  function targets() {
    if (state.chosen.size) return items.filter((item) => state.chosen.has(item.id)).map((item) => item.id);
    return items.length ? [items[state.focus].id] : [];
  }

  function review(said) {
    if (!data.reviewing) return;
    const ids = targets();
    if (!ids.length) return;
    const number = ++state.number;
    for (const id of ids) {
      const item = items.find((one) => one.id === id);
      const label = said.correct ? item.said : said.label;
      const review = said.undo ? null : { label: label ?? null, correct: (label ?? null) === (item.said ?? null) };
      state.said.set(id, { number, review });
    }
    state.waiting.push({ number, ids, ...said });
    setTriggerValue("review", state.waiting);
    if (state.chosen.size) state.chosen = new Set();
    else if (state.focus < items.length - 1) state.focus += 1;
    refresh(true);
  }

  function onKey(event) {
    const columns = Math.max(1, getComputedStyle(list).gridTemplateColumns.split(" ").length);
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    const key = event.key;
    if (event.altKey || event.metaKey || (event.ctrlKey && key !== "a")) return;
    if (key in steps) {
      const next = Math.min(items.length - 1, Math.max(0, state.focus + steps[key]));
      if (event.shiftKey && data.reviewing) {
        if (state.anchor === null) state.anchor = state.focus;
        state.focus = next;
        span(next);
      } else {
        state.focus = next;
      }
    } else if (key === "Home") state.focus = 0;
    else if (key === "End") state.focus = items.length - 1;
    else if (key === "Enter") setTriggerValue("open", { id: items[state.focus].id });
    else if (!data.reviewing) return;
    else if (key === " ") toggle(items[state.focus].id, state.focus);
    else if (event.ctrlKey && key === "a") state.chosen = new Set(items.map((item) => item.id));
    else if (key === "Escape") state.chosen = new Set();
    else if (key === "y") review({ correct: true });
    else if (key === "n") review({ label: null });
    else if (key === "u") review({ undo: true });
    else if (/^[1-9]$/.test(key) && data.labels.length >= +key) review({ label: data.labels[+key - 1] });
    else return;
    event.preventDefault();
    event.stopPropagation();
    refresh(true);
  }

  function toggle(id, index) {
    if (state.chosen.has(id)) state.chosen.delete(id);
    else state.chosen.add(id);
    state.anchor = index;
  }

  function span(index) {
    const from = state.anchor ?? state.focus;
    for (let i = Math.min(from, index); i <= Math.max(from, index); i++) state.chosen.add(items[i].id);
  }

  function refresh(focus) {
    [...list.children].forEach((option, index) => {
      const item = items[index];
      const said = state.said.has(item.id) ? state.said.get(item.id).review : item.review;
      const words = !said ? "" : said.correct ? "confirmed" : said.label === null ? "none of these" : `is ${said.label}`;
      option.tabIndex = index === state.focus ? 0 : -1;
      option.setAttribute("aria-selected", String(state.chosen.has(item.id)));
      option.setAttribute("aria-label", [item.name, item.caption, item.decision, words].filter(Boolean).join(", "));
      const verdict = option.querySelector(".verdict");
      verdict.textContent = words;
      verdict.className = `verdict ${said ? (said.correct ? "right" : "wrong") : ""}`;
    });
    const count = bar.querySelector(".count");
    if (count) count.textContent = state.chosen.size ? `${state.chosen.size} selected` : "Nothing selected: the photo in focus counts";
    const all = bar.querySelector(".all");
    if (all) all.textContent = state.chosen.size < items.length ? "Select all" : "Select none";
    if (focus) list.children[state.focus]?.focus({ preventScroll: false });
  }

  function button(text, act) {
    const made = make("button", "", text);
    made.type = "button";
    made.onclick = act;
    return made;
  }
}

function make(kind, className = "", text = "") {
  const element = document.createElement(kind);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}
