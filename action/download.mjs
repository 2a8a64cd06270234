// Downloads URL to FILE, with retries. Writes the final error to standard error.

import fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const [url, file] = process.argv.slice(2);
const ATTEMPTS = 4;

async function attempt() {
  const answer = await fetch(url, { signal: AbortSignal.timeout(60_000) });
  if (!answer.ok) throw Object.assign(new Error(`HTTP ${answer.status}`), { status: answer.status });
  fs.writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
}

for (let number = 1; ; number += 1) {
  try {
    await attempt();
    break;
  } catch (error) {
    const isPermanent = error.status >= 400 && error.status < 500 && error.status !== 429;
    if (isPermanent || number === ATTEMPTS) {
      console.error([error.message, error.cause?.message].filter(Boolean).join(": "));
      process.exitCode = 1;
      break;
    }
    await sleep(500 * 2 ** number);
  }
}
