// Which of the files that somebody chose or dropped are sent, and why the others are not.
const PHOTOS = /\.(jpe?g|jpe|jfif|png|webp|gif|bmp|dib|tiff?|heic|heif|hif|avif)$/i;
const RAW = /\.(3fr|arw|cr[23w]|crw|dcr|dng|erf|fff|gpr|iiq|kdc|mef|mos|mrw|nef|nrw|orf|pef|raf|raw|rw2|rwl|sr2|srf|srw|x3f)$/i;
const ZIPS = /\.zip$/i;
const ARCHIVES = /\.(rar|7z|tar|gz|tgz|bz2|xz|zst)$/i;
const JUNK = new Set(["thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "lost+found"]);

// Why a file is left out, as the beginning of a line of a list; null: it is taken. Files without an ending are
// taken: what recovery programs find has none, and the server looks at the content.
function whyNot(path, size, largest) {
  const parts = path.split("/");
  const name = parts.at(-1);
  if (parts.some((part) => part.startsWith(".") || JUNK.has(part.toLowerCase()))) return "Hidden or made by the system";
  if (ARCHIVES.test(name)) return "Archives of a kind that is not opened (please unpack them, or make a ZIP)";
  if (RAW.test(name)) return "Raw photos, which are not read (please send them as JPEG)";
  if (!ZIPS.test(name) && !PHOTOS.test(name) && name.includes(".")) return "Not photos";
  if (size === 0) return "Empty";
  if (!ZIPS.test(name) && size > largest) return `Larger than ${limit(largest)}, the most that a photo may have`;
  return null;
}

// The files of a drop, folders with all that is below them, as [{file, path}]. The first step must be taken while the
// browser still hands out the drop, so nothing is awaited before it. `onFound` hears how many there are so far.
async function dropped(transfer, onFound) {
  const entries = [];
  const found = [];
  for (const item of transfer.items) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry?.();
    const file = entry ? null : item.getAsFile();
    if (entry) entries.push(entry);
    else if (file) found.push({ file, path: file.name });
  }
  while (entries.length) {
    const entry = entries.pop();
    if (entry.isFile) {
      const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
      found.push(file ? { file, path: entry.fullPath.slice(1) } : { file: null, path: entry.fullPath.slice(1) });
      if (found.length % 100 === 0) onFound(found.length);
      continue;
    }
    const reader = entry.createReader();
    for (;;) {
      // A folder is read in parts of 100.
      const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
      if (!some.length) break;
      entries.push(...some);
    }
  }
  return found;
}

// The files of an input, of a folder's too.
function chosen(list) {
  return [...list].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

// What is sent of the items: the photos' names below their common folder, each once, and how the whole is called.
function named(photos) {
  const roots = new Set(photos.map(({ path }) => (path.includes("/") ? path.split("/")[0] : "")));
  const root = roots.size === 1 ? [...roots][0] : "";
  const used = new Set();
  const entries = photos.map(({ file, path }) => {
    // A backslash would be taken for a folder's end.
    const plain = (root ? path.slice(root.length + 1) : path).replaceAll("\\", "%5C");
    let name = plain;
    for (let n = 2; used.has(name); n++) name = plain.replace(/(\.[^./]*)?$/, ` (${n})$1`);
    used.add(name);
    return { name, file };
  });
  return { entries, title: `${root || "photos"}.zip` };
}

function inBytes(count) {
  const units = ["bytes", "kB", "MB", "GB"];
  let unit = 0;
  while (count >= 1000 && unit < 3) {
    count /= 1000;
    unit++;
  }
  return `${unit ? count.toFixed(count < 100 ? 1 : 0) : count}\u00a0${units[unit]}`;
}

// Limits are set in powers of two.
function limit(count) {
  return count >= 2 ** 30 ? `${+(count / 2 ** 30).toFixed(1)} GiB` : `${+(count / 2 ** 20).toFixed(1)} MiB`;
}

function amount(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
