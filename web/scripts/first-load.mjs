// What a browser has to load before the overview shows, compressed: the entry, the overview and what they import.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const MOST_BYTES = 400 * 1024;
const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));
const needed = new Set();

function need(key) {
  const chunk = manifest[key];
  if (needed.has(chunk.file)) return;
  needed.add(chunk.file);
  for (const imported of chunk.imports ?? []) need(imported);
}

need("index.html");
need("src/views/overview/index.vue");
need("src/components/TheShell.vue");
for (const key of Object.keys(manifest)) if (/locales\/zh-CN/.test(key)) need(key);
const scripts = [...needed].filter((file) => file.endsWith(".js"));
const bytes = scripts.reduce((sum, file) => sum + gzipSync(readFileSync(`dist/${file}`)).length, 0);
console.log(`first load: ${(bytes / 1024).toFixed(1)} KB of compressed JavaScript in ${scripts.length} files (at most 400)`);
process.exit(bytes > MOST_BYTES ? 1 : 0);
