// What the upload looks like in each of its phases: choosing, packing, asking, sending, broken.
function paint(state) {
  if (!state.page) return;
  const { root, data } = state.page;
  const find = (name) => root.querySelector(name);
  const { items, phase } = state;
  const busy = phase !== "choosing";
  find(".zone").hidden = busy;
  find(".zone").classList.toggle("small", items.length > 0);
  find(".pick").classList.toggle("primary", !items.length);
  find(".pick").textContent = items.length ? "Add photos" : "Choose photos";
  find(".pick-folder").textContent = items.length ? "Add a folder" : "Choose a folder";
  find(".hint").textContent = `JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF and BMP, or ZIPs of them, up to ${limit(data.most)} at once`;
  find(".chosen").hidden = !items.length;
  find(".sum").textContent = summary(items);
  find(".how").textContent = how(items);
  find(".how").hidden = !find(".how").textContent;
  find(".clear").hidden = find(".send").hidden = busy;
  find(".send").textContent = items.length === 1 && photos(items) ? "Tag it" : "Tag them";
  find(".progress").hidden = !busy || phase === "broken";
  progress(state, state.part, state.told);
  tiles(state, find(".tiles"), busy);
  const rest = items.length - state.shown;
  find(".more").hidden = rest <= 0;
  find(".more").textContent = `Show ${Math.min(rest, AT_ONCE).toLocaleString("en")} more of ${rest.toLocaleString("en")}`;
  leftOut(state, find(".left"));
  note(state, find(".note"));
}

function photos(items) {
  return items.filter((item) => !item.zip).length;
}

function summary(items) {
  const zips = items.length - photos(items);
  const parts = [];
  if (photos(items)) parts.push(amount(photos(items), "photo"));
  if (zips) parts.push(amount(zips, "ZIP"));
  return `${parts.join(" and ")} · ${inBytes(items.reduce((sum, item) => sum + item.file.size, 0))}`;
}

function how(items) {
  return items.some((item) => item.zip) && items.length > 1 ? "All of it becomes one job." : "";
}

function progress(state, part, told) {
  Object.assign(state, { part, told });
  if (!state.page) return;
  const { root } = state.page;
  const percent = Math.floor(100 * Math.min(1, part || 0));
  root.querySelector(".fill").style.width = `${percent}%`;
  root.querySelector(".track").setAttribute("aria-valuenow", percent);
  root.querySelector(".track").setAttribute("aria-valuetext", told);
  root.querySelector(".told").textContent = told;
}

function tiles(state, list, busy) {
  const wanted = state.items.slice(0, state.shown).map((item) => (item.tile ??= tile(state, item)));
  for (const one of wanted) one.querySelector("button").hidden = busy;
  if (wanted.length !== list.children.length || wanted.some((one, index) => list.children[index] !== one)) list.replaceChildren(...wanted);
}

function tile(state, item) {
  const made = element("li", "tile");
  const picture = element("div", "picture", item.zip ? "ZIP" : "");
  if (!item.zip) {
    const image = element("img");
    image.alt = "";
    image.loading = "lazy";
    image.decoding = "async";
    image.src = item.src = URL.createObjectURL(item.file);
    // A browser need not know every format that is read here.
    image.onerror = () => picture.replaceChildren(item.path.split(".").pop().toUpperCase().slice(0, 5));
    picture.append(image);
  }
  const name = element("div", "name", item.path.split("/").pop());
  name.title = item.path;
  const remove = element("button", "", "×");
  remove.type = "button";
  remove.setAttribute("aria-label", `Remove ${item.path}`);
  remove.onclick = () => {
    const index = state.items.indexOf(item);
    state.items.splice(index, 1);
    if (item.src) URL.revokeObjectURL(item.src);
    paint(state);
    const next = state.items[Math.min(index, state.items.length - 1)];
    (next?.tile?.querySelector("button") ?? state.page.root.querySelector(".pick")).focus();
  };
  made.append(picture, name, remove);
  return made;
}

function leftOut(state, details) {
  const count = [...state.left.values()].reduce((sum, paths) => sum + paths.length, 0);
  details.hidden = !count;
  details.querySelector("summary").textContent = `${amount(count, "file")} left out`;
  const lines = [...state.left].map(([why, paths]) => {
    const some = paths.slice(0, 3).join(", ");
    return element("li", "", `${why} · ${amount(paths.length, "file")}: ${some}${paths.length > 3 ? " …" : ""}`);
  });
  details.querySelector("ul").replaceChildren(...lines);
}

function note(state, box) {
  box.hidden = !state.note;
  if (!state.note) return;
  box.classList.toggle("wrong", state.note.wrong);
  box.setAttribute("role", state.note.wrong ? "alert" : "status");
  box.replaceChildren(element("p", "", state.note.text));
  if (state.phase !== "broken") return;
  const row = element("div", "row");
  const again = element("button", "primary", "Try again");
  again.onclick = () => anew(state);
  const over = element("button", "", "Back to the photos");
  over.onclick = () => back(state, "Nothing more is sent.");
  row.append(again, over);
  box.append(row);
}

function element(kind, className = "", text = "") {
  const made = document.createElement(kind);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
