// Choosing photos, and sending them straight to the API with a ticket that the page asks for.
// data: {owner, api: {url, port}, params: [[name, value]], largest, most, answer: {ask, ticket | trouble} | null};
// triggers: `ask` {ask} for a ticket, `done` {job}.
// What was chosen and what is under way outlives a look at another page of the dashboard, but not another person.
const KEPT = Symbol.for("shoebox.upload");
const AT_ONCE = 60;
const PATIENCE = 20_000;

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  let state = globalThis[KEPT];
  if (!state || state.owner !== data.owner) {
    state?.stop?.abort();
    state = globalThis[KEPT] = fresh(data.owner);
  }
  const root = parentElement.querySelector(".upload");
  const mine = { root, data, tell: setTriggerValue };
  state.page = mine;
  wire(state, root);
  const forget = overPage(state, root);
  paint(state);
  if (state.job) arrived(state);
  else if (state.phase === "asking" && !state.ask) ask(state);
  else if (data.answer && data.answer.ask === state.ask) answered(state, data.answer);
  return () => {
    forget();
    if (state.page === mine) state.page = null;
  };
}

function fresh(owner) {
  const shown = { shown: AT_ONCE, phase: "choosing", note: null, told: "", part: 0 };
  return { owner, items: [], left: new Map(), request: null, what: null, mark: null, key: null, ...shown };
}

function wire(state, root) {
  const find = (name) => root.querySelector(name);
  find(".pick").onclick = () => find(".files").click();
  find(".pick-folder").onclick = () => find(".folder").click();
  find(".pick-folder").hidden = !("webkitdirectory" in find(".folder")) || matchMedia("(pointer: coarse)").matches;
  for (const input of root.querySelectorAll("input")) {
    input.onchange = () => {
      add(state, chosen(input.files));
      input.value = "";
    };
  }
  find(".clear").onclick = () => {
    clear(state);
    paint(state);
    find(".pick").focus();
  };
  find(".send").onclick = () => start(state);
  find(".cancel").onclick = () => state.stop?.abort();
  find(".more").onclick = () => {
    state.shown += AT_ONCE;
    paint(state);
  };
}

// Files may be dropped anywhere on the page; the browser would open them instead. Returns how to stop that.
function overPage(state, root) {
  const stop = new AbortController();
  const files = (event) => event.dataTransfer?.types.includes("Files");
  const lit = (on) => root.querySelector(".zone").classList.toggle("over", on);
  const on = (kind, act) => document.addEventListener(kind, (event) => {
    if (!files(event)) return;
    event.preventDefault();
    act(event);
  }, { signal: stop.signal });
  on("dragover", () => lit(state.phase === "choosing"));
  on("dragleave", (event) => event.relatedTarget || lit(false));
  on("drop", async (event) => {
    lit(false);
    if (state.phase !== "choosing") return;
    const found = await dropped(event.dataTransfer, (count) => say(state, `Looking through the folder: ${amount(count, "file")} …`));
    state.note = null;
    add(state, found);
  });
  addEventListener("beforeunload", (event) => state.phase === "sending" && event.preventDefault(), { signal: stop.signal });
  return () => stop.abort();
}

function add(state, found) {
  const { largest } = state.page.data;
  const known = new Set(state.items.map((item) => item.id));
  state.note = null;
  for (const { file, path } of found) {
    const why = file ? whyNot(path, file.size, largest) : "Could not be read";
    const id = file && `${path}\n${file.size}\n${file.lastModified}`;
    if (why) leave(state, why, path);
    else if (known.has(id)) leave(state, "Chosen already", path);
    else {
      known.add(id);
      state.items.push({ id, file, path, zip: ZIPS.test(path) });
    }
  }
  const order = new Intl.Collator("en", { numeric: true });
  state.items.sort((one, other) => order.compare(one.path, other.path));
  if (!state.items.length && found.length) say(state, "There is no photo among these files.", true);
  else paint(state);
}

function leave(state, why, path) {
  state.left.set(why, [...(state.left.get(why) ?? []), path]);
}

function clear(state) {
  for (const item of state.items) if (item.src) URL.revokeObjectURL(item.src);
  Object.assign(state, fresh(state.owner), { page: state.page });
}

async function start(state) {
  const stop = (state.stop = new AbortController());
  const all = state.items.reduce((sum, item) => sum + item.file.size, 0);
  if (all > state.page.data.most) {
    say(state, `These are ${inBytes(all)}, and the most that is taken at once is ${limit(state.page.data.most)}. Please send them in parts.`, true);
    return;
  }
  const what = JSON.stringify(state.items.map((item) => item.id));
  Object.assign(state, { phase: "packing", note: null, told: "Getting ready …", part: 0, renewed: false });
  paint(state);
  if (state.request && state.what === what) {
    ask(state);
    return;
  }
  let done = 0;
  const packed = (more) => {
    done += more;
    progress(state, done / all, `Getting ready: ${inBytes(done)} of ${inBytes(all)}`);
  };
  try {
    Object.assign(state, { request: await bodyOf(state.items, packed, stop.signal), what });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    back(state, "Canceled. Nothing was sent.");
    return;
  }
  for (const entry of state.request.unread) leave(state, "Could not be read", entry.name);
  ask(state);
}

// Tickets end soon, and each try has a new one: the key makes sure that all of them together are one job.
function anew(state) {
  state.stop = new AbortController();
  state.renewed = false;
  ask(state);
}

function ask(state) {
  // Where another page is looked at, the asking waits for this one.
  const asked = state.page ? random() : null;
  Object.assign(state, { phase: "asking", ask: asked, told: "Getting ready …" });
  paint(state);
  if (!asked) return;
  state.page.tell("ask", { ask: asked });
  state.stop.signal.onabort = () => state.phase === "asking" && back(state, "Canceled. Nothing was sent.");
  setTimeout(() => {
    if (state.phase === "asking" && state.ask === asked) back(state, "The dashboard does not answer at present. Please try again.", true);
  }, PATIENCE);
}

function answered(state, { ticket, trouble }) {
  if (state.phase !== "asking") return;
  state.ask = null;
  if (trouble) {
    back(state, trouble, true);
    return;
  }
  const { api, params } = state.page.data;
  // Who goes back to the photos and sends them again sends the same: it may have arrived the first time. Options are
  // read here, not at the click, when the last of them may still be on its way to the server.
  const mark = JSON.stringify([state.what, params]);
  if (mark !== state.mark) Object.assign(state, { mark, key: random() });
  const host = location.hostname;
  Object.assign(state, { ticket, params, address: api.url || `${location.protocol}//${host}:${api.port}` });
  send(state);
}

async function send(state) {
  Object.assign(state, { phase: "sending", note: null, told: "Sending …", part: 0, moved: 0 });
  paint(state);
  const samples = [[performance.now(), 0]];
  const { call, answered: answer } = sent(state.request, state.address, state.ticket, state.params, state.key, (done, total) => {
    state.moved = done;
    if (done === total) progress(state, 1, "Sent. Waiting until it is safe …");
    else progress(state, done / total, `${inBytes(done)} of ${inBytes(total)}${pace(samples, performance.now(), done, total)}`);
  });
  state.stop = new AbortController();
  state.stop.signal.onabort = () => call.abort();
  const result = await answer;
  if (result.stopped) back(state, "Canceled. What was on its way was dropped.");
  else if (result.status === 202) {
    const job = result.answer.id;
    clear(state);
    state.job = job;
    paint(state);
    arrived(state);
  } else if (result.status === 401 && !state.renewed) {
    // The ticket has ended before the upload began.
    state.renewed = true;
    state.stop = new AbortController();
    ask(state);
  } else if (result.status === 0) broken(state, cut(state.moved));
  else if (result.status === 429 || result.status >= 500) broken(state, refusal(result));
  else back(state, refusal(result), true);
}

function cut(moved) {
  if (moved) return `The connection broke off after ${inBytes(moved)}. Trying again is safe: it never becomes two jobs.`;
  return (
    "Shoebox could not be reached from this browser. Trying again is safe. If it stays so, whoever runs Shoebox " +
    "should look at SHOEBOX_PUBLIC_URL and SHOEBOX_DASHBOARD_ORIGINS."
  );
}

// The page goes to the job; where it is not there at present, the job waits for it.
function arrived(state) {
  if (!state.page) return;
  state.page.tell("done", { job: state.job });
  state.job = null;
}

function broken(state, text) {
  Object.assign(state, { phase: "broken", note: { text, wrong: true } });
  paint(state);
}

function back(state, text, wrong = false) {
  Object.assign(state, { phase: "choosing", note: { text, wrong }, ask: null });
  paint(state);
}

function say(state, text, wrong = false) {
  state.note = { text, wrong };
  paint(state);
}
