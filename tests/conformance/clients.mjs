// Which features of HTML and CSS some mail programs lack: {name: html} on stdin, {name: [line]} on stdout.
import { readFileSync } from "node:fs";
import { caniemail, rawData } from "caniemail";

// caniemail throws where nobody has tried a feature in a program; that counts as "partly".
const families = rawData.data.map(({ stats }) => stats);
for (const family of new Set(families.flatMap(Object.keys))) {
  const platforms = new Set(families.flatMap((stats) => Object.keys(stats[family] ?? {})));
  for (const stats of families) {
    stats[family] ??= {};
    for (const platform of platforms) {
      if (!Object.keys(stats[family][platform] ?? {}).length) stats[family][platform] = { 0: "u" };
    }
  }
}

const said = {};
for (const [name, html] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  const lacking = new Map();
  const { issues } = caniemail({ clients: ["*"], html });
  for (const support of ["errors", "warnings"]) {
    for (const [client, found] of issues[support]) {
      for (const { title } of found) {
        if (!lacking.has(title)) lacking.set(title, { errors: new Set(), warnings: new Set() });
        lacking.get(title)[support].add(client);
      }
    }
  }
  said[name] = [...lacking].map(
    ([title, { errors, warnings }]) => `${title}: not in ${errors.size}, partly in ${warnings.size}`,
  );
}
process.stdout.write(JSON.stringify(said));
