// From chosen items to a request, and on its way.
// So few photos go as they are, and are judged before large jobs; more go as one ZIP.
const FEW = 8;
const LONGEST_NAME = 200;

// The body of one job: {body, type, name}. One file is the body itself, several are a form.
async function bodyOf(items, onBytes, signal) {
  const photos = items.filter((item) => !item.zip);
  let sources = photos.map(({ file, path }) => ({ file, name: path }));
  let unread = [];
  if (photos.length > FEW) {
    const { entries, title } = named(photos);
    const made = await zipOf(entries, onBytes, signal);
    unread = made.unread;
    sources = [{ file: made.blob, name: title, type: "application/zip" }];
  }
  sources.push(...items.filter((item) => item.zip).map(({ file }) => ({ file, name: file.name, type: "application/zip" })));
  if (sources.length === 1) {
    const [{ file, name, type }] = sources;
    // By its content the server tells what a file is.
    return { body: file, type: type ?? "application/octet-stream", name: shown(name.split("/").pop()), unread };
  }
  const form = new FormData();
  for (const { file, name } of sources) form.append("files", file, shown(name));
  return { body: form, type: null, name: null, unread };
}

// A name as the server takes it in a query: without control characters, not too long.
function shown(name) {
  return [...name.toWellFormed?.() ?? name].map((c) => (/\p{Cc}/u.test(c) ? "\ufffd" : c)).slice(-LONGEST_NAME).join("");
}

// Sends it; resolves to {status, answer} with status 0 where there was none. `onProgress` hears (sent, total) in bytes.
function sent(request, address, ticket, params, key, onProgress) {
  const query = new URLSearchParams(params);
  query.set("ticket", ticket);
  if (request.name) query.set("name", request.name);
  const call = new XMLHttpRequest();
  call.open("POST", `${address}/v1/jobs?${query}`);
  // Only forms have a type of their own.
  if (request.type) call.setRequestHeader("Content-Type", request.type);
  call.setRequestHeader("Idempotency-Key", key);
  call.responseType = "text";
  call.upload.onprogress = (event) => onProgress(event.loaded, event.total);
  const answered = new Promise((resolve) => {
    call.onloadend = () => resolve({ status: call.status, answer: read(call.responseText), stopped: false });
    call.onabort = () => resolve({ status: 0, answer: {}, stopped: true });
  });
  call.send(request.body);
  return { call, answered };
}

function read(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

// A refusal in words.
function refusal({ status, answer }) {
  const wrong = (answer.errors ?? []).map((one) => `${one.field}: ${one.message}`);
  const said = [answer.detail ?? `The server answered with ${status}.`, ...wrong].join(" ");
  return answer.request_id ? `${said} (request ${answer.request_id})` : said;
}

// Random, and there also where a page came without encryption and has no crypto.randomUUID.
function random() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Bytes a second over the last seconds, and what is left of `total`.
function pace(samples, now, done, total) {
  samples.push([now, done]);
  while (samples.length > 2 && now - samples[0][0] > 5000) samples.shift();
  const [then, before] = samples[0];
  const speed = now > then ? (1000 * (done - before)) / (now - then) : 0;
  if (!speed || now - then < 500) return "";
  const left = Math.ceil((total - done) / speed);
  return ` · ${inBytes(speed)}/s · ${left < 90 ? `${left} s` : left < 5400 ? `${Math.round(left / 60)} min` : `${(left / 3600).toFixed(1)} h`} left`;
}
