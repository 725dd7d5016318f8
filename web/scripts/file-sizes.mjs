// No component over 200 lines: what is longer is several things.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const MOST_LINES = 200;
const tooLong = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".vue"))
  .map((name) => [name, readFileSync(join("src", name), "utf8").split("\n").length - 1])
  .filter(([, lines]) => lines > MOST_LINES);
for (const [name, lines] of tooLong) console.error(`src/${name}: ${lines} lines, at most ${MOST_LINES}`);
process.exit(tooLong.length ? 1 : 0);
